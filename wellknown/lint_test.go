package wellknown_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
	"oauthgw/wellknown"
)

// sound is a document without findings, of clients that start at https://gw.example.
const sound = `{"issuer":"https://gw.example","authorization_endpoint":"https://gw.example/a","token_endpoint":"https://gw.example/t",` +
	`"response_types_supported":["code"],"code_challenge_methods_supported":["S256"]}`

// adding adds members to a document.
func adding(document, members string) string {
	return strings.TrimSuffix(document, "}") + "," + members + "}"
}

func TestLint(t *testing.T) {
	replaced := func(old, new string) string { return strings.Replace(sound, old, new, 1) }
	issuer := func(issuer string) string {
		return replaced(`"issuer":"https://gw.example"`, `"issuer":"`+issuer+`"`)
	}
	for name, test := range map[string]struct {
		document string
		want     []string // the start of each finding
	}{
		"sound": {sound, nil},
		"no members": {`{"issuer":"https://gw.example"}`, []string{"problem: The metadata lacks response_types_supported", "problem: The metadata lacks token_endpoint",
			"problem: The metadata lacks authorization_endpoint", "warning: The metadata does not list S256 in code_challenge_methods_supported"}},
		"no users":         {`{"issuer":"https://gw.example","response_types_supported":["none"],"token_endpoint":"https://gw.example/t","grant_types_supported":["client_credentials"]}`, nil},
		"plain PKCE":       {replaced("S256", "plain"), []string{"problem: The metadata does not list S256"}},
		"PKCE not a list":  {replaced(`["S256"]`, "7"), []string{"warning: The metadata does not list S256"}},
		"no issuer":        {issuer(""), []string{"problem: The issuer is missing, is not an http or https URL"}},
		"issuer not a URL": {issuer("coder"), []string{"problem: The issuer is missing, is not an http or https URL"}},
		"query in issuer":  {issuer("https://gw.example?a"), []string{"problem: The issuer is missing, is not an http or https URL, or has a query"}},
		"slash":            {issuer("https://gw.example/"), []string{`problem: Clients that start at "https://gw.example" find the issuer "https://gw.example/" and reject it`}},
		"foreign issuer": {adding(issuer("https://b"), `"authorization_response_iss_parameter_supported":true`), []string{
			`problem: Clients that start at "https://gw.example" find the issuer "https://b" and reject it`, `warning: Authorization responses name the issuer "https://b" (RFC 9207)`}},
		"own response issuer":   {adding(sound, `"authorization_response_iss_parameter_supported":true`), nil},
		"empty lists":           {adding(sound, `"x":[],"y":[ ],"z":null,"n":[0]`), []string{`warning: The metadata has empty lists, which must be left out (RFC 8414 section 3.2): "x", "y".`}},
		"none and registration": {adding(sound, `"registration_endpoint":"https://gw.example/r","token_endpoint_auth_methods_supported":["none"]`), []string{"warning: The metadata lists the method none and a registration endpoint"}},
		"invalid URLs":          {adding(sound, `"jwks_uri":"/j","x_endpoint":7`), []string{`problem: The metadata has members that must be absolute http or https URLs and are not: "jwks_uri", "x_endpoint".`}},
		"plain http": {adding(sound, `"jwks_uri":"http://gw.example/j","revocation_endpoint":"http://127.0.0.1/r"`), []string{
			`problem: The metadata has plain http URLs of another host: "jwks_uri".`, `warning: The metadata sends clients to "http://127.0.0.1/r" and not to https://gw.example.`}},
		"another origin":                   {adding(sound, `"jwks_uri":"https://b/j"`), []string{`note: The metadata sends clients to "https://b/j" and not to https://gw.example.`}},
		"default port":                     {adding(sound, `"jwks_uri":"https://GW.example:443/j"`), nil},
		"login elsewhere":                  {replaced("https://gw.example/a", "https://b/a"), []string{`note: The metadata sends clients to "https://b/a"`, `warning: The authorization_endpoint is at "https://b" and the issuer at "https://gw.example", so Codex`}},
		"login elsewhere, response issuer": {adding(replaced("https://gw.example/a", "https://b/a"), `"authorization_response_iss_parameter_supported":true`), []string{`note: The metadata sends clients to "https://b/a"`}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range parse(t, test.document).Lint("https://gw.example") {
				got = append(got, string(f.Severity)+": "+f.Problem)
				if f.Subject == "" || !strings.HasSuffix(f.Problem, ".") || !strings.HasSuffix(f.Fix, ".") {
					t.Errorf("not sentences: %+v", f)
				}
			}
			if !slices.EqualFunc(got, test.want, strings.HasPrefix) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// The problems of the metadata that a gateway serves, without notes.
func TestSourceLint(t *testing.T) {
	const at = "https://gw.example"
	moved := strings.ReplaceAll(sound, "gw.example", "idp.example")
	for name, test := range map[string]struct {
		document, public string
		rewrite          bool
		paths            map[clientauth.Endpoint]string
		scopes, want     []string
	}{
		"sound":                   {document: sound},
		"notes":                   {document: adding(sound, `"jwks_uri":"https://b/j"`)},
		"issuer with a path":      {document: strings.Replace(sound, `"issuer":"https://gw.example"`, `"issuer":"https://gw.example/t1"`, 1), public: at},
		"endpoint not named":      {document: sound, paths: map[clientauth.Endpoint]string{"token": "/t", "revocation": "/r"}, want: []string{"endpoints.revocation is fronted at /r, but the metadata does not name revocation_endpoint"}},
		"another path":            {document: sound, paths: map[clientauth.Endpoint]string{"token": "/other"}, want: []string{"endpoints.token is fronted at /other, but the metadata sends clients to \"/t\""}},
		"endpoint elsewhere":      {document: adding(sound, `"revocation_endpoint":"https://b/r"`), want: []string{`The metadata sends clients to "https://b/r" and not to https://gw.example.`}},
		"invalid endpoint":        {document: strings.Replace(sound, "https://gw.example/t", "/t", 1), want: []string{"The metadata has members that must be absolute"}},
		"plain http":              {document: strings.ReplaceAll(sound, "https://", "http://"), want: []string{`The metadata has plain http URLs of another host: "issuer", "authorization_endpoint", "token_endpoint"`}},
		"plain http on this host": {document: strings.ReplaceAll(sound, "https://gw.example", "http://127.0.0.1:1")},
		"another issuer": {document: strings.Replace(sound, `"issuer":"https://gw.example"`, `"issuer":"https://idp.example"`, 1), public: at,
			want: []string{`Clients that start at "https://gw.example" find the issuer "https://idp.example"`, "The authorization_endpoint is at \"https://gw.example\" and the issuer at"}},
		"scopes":              {document: adding(sound, `"scopes_supported":["a","b"]`), scopes: []string{"a", "b"}},
		"unlisted scope":      {document: adding(sound, `"scopes_supported":["a"]`), scopes: []string{"a", "b"}, want: []string{`repair.requests.scope lets clients ask for "b", which`}},
		"scopes, and no list": {document: sound, scopes: []string{"a"}},
		"rewritten":           {document: moved, public: at, rewrite: true},
		"rewritten, and named elsewhere": {public: at, rewrite: true,
			document: adding(moved, `"authorization_response_iss_parameter_supported":true,"jwks_uri":"https://idp.example/j","token_endpoint_auth_methods_supported":["private_key_jwt"],"token_endpoint_auth_signing_alg_values_supported":["RS256"]`),
			want: []string{"token_endpoint_auth_methods_supported lists neither client_secret_post nor client_secret_basic, so the provider takes no client secret.",
				`Authorization responses name the issuer "https://idp.example" (RFC 9207)`, `ID tokens and JWT access tokens name the issuer "https://idp.example"`, "Client assertions made from the rewritten metadata"}},
		"rewritten to itself": {document: adding(sound, `"jwks_uri":"https://gw.example/j"`), public: at, rewrite: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if test.paths == nil {
					test.paths = paths
				}
				h := newHandler(t, newProvider(sends(test.document)), func(c *wellknown.SourceConfig) {
					c.Public, c.Rewrite, c.Passthrough, c.Scopes = origin.Of(test.public), test.rewrite, true, test.scopes
				})
				if _, problems := h.source.Snapshots("", test.paths); problems != nil {
					t.Errorf("before the first fetch: %q", problems)
				}
				got, err := h.source.Lint(t.Context(), test.paths)
				if err != nil || !slices.EqualFunc(got, test.want, strings.HasPrefix) {
					t.Errorf("%v, got\n%s\nwant\n%s", err, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
				}
				if _, problems := h.source.Snapshots("", test.paths); !slices.Equal(problems, got) {
					t.Errorf("the snapshots say %q", problems)
				}
			})
		})
	}
}

// TestCA30EndpointsThatAreNotFronted checks the warning about an endpoint at which a client with
// assertions can use a secret, because the configuration lacks it.
func TestCA30EndpointsThatAreNotFronted(t *testing.T) {
	document := adding(sound, `"revocation_endpoint":"https://gw.example/r","introspection_endpoint":"https://other.example/i"`)
	for _, algorithms := range [][]string{nil, {"ES256"}} {
		for _, fronted := range []map[clientauth.Endpoint]string{{clientauth.Token: "/t"}, {clientauth.Token: "/t", clientauth.Revocation: "/r"}} {
			h := newHandler(t, newProvider(sends(document)), func(c *wellknown.SourceConfig) { c.Agents.Algorithms = algorithms })
			lines, err := h.source.Lint(t.Context(), fronted)
			warned := strings.Contains(strings.Join(lines, "\n"), "endpoints.revocation is missing, so clients with assertions can use a secret there.")
			if want := algorithms != nil && len(fronted) == 1; err != nil || warned != want || strings.Contains(strings.Join(lines, "\n"), "endpoints.introspection") {
				t.Errorf("%v, %v: %v, got\n%s", algorithms, fronted, err, strings.Join(lines, "\n"))
			}
		}
	}
}

// TestCA44AudienceOfAssertions checks that the warning about audiences looks at the provider's own
// methods, and not at private_key_jwt that the gateway adds.
func TestCA44AudienceOfAssertions(t *testing.T) {
	document := strings.ReplaceAll(adding(sound, `"revocation_endpoint":"https://gw.example/r"`), "gw.example", "idp.example")
	for name, test := range map[string]struct {
		members  string
		preserve bool
		want     bool
	}{
		"secrets":             {`"token_endpoint_auth_methods_supported":["client_secret_post"]`, false, false},
		"no list":             {`"x":1`, false, false},
		"key":                 {`"token_endpoint_auth_methods_supported":["client_secret_post","private_key_jwt"]`, false, true},
		"key, preserved":      {`"token_endpoint_auth_methods_supported":["client_secret_post","private_key_jwt"]`, true, false},
		"signed secret":       {`"revocation_endpoint_auth_methods_supported":["client_secret_post","client_secret_jwt"]`, false, true},
		"key, not fronted":    {`"introspection_endpoint_auth_methods_supported":["client_secret_post","private_key_jwt"]`, false, false},
		"key of users' login": {`"request_object_signing_alg_values_supported":["ES256"]`, false, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			fronted := map[clientauth.Endpoint]string{clientauth.Token: "/t", clientauth.Revocation: "/r"}
			h := newHandler(t, newProvider(sends(adding(document, test.members))), func(c *wellknown.SourceConfig) {
				c.Public, c.Rewrite, c.Passthrough, c.Agents.Algorithms = origin.Of("https://gw.example"), !test.preserve, true, []string{"ES256"}
			})
			lines, err := h.source.Lint(t.Context(), fronted)
			if got := strings.Contains(strings.Join(lines, "\n"), "name the public origin as their audience"); err != nil || got != test.want {
				t.Errorf("%s: %v, got\n%s", name, err, strings.Join(lines, "\n"))
			}
		})
	}
}
