package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"oauthgw/internal/config"

	"gopkg.in/yaml.v3"
)

// presetSections matches the sections of docs/providers.md that have a configuration.
var presetSections = regexp.MustCompile("(?ms)^## ([^\n]+)\n\nNot verified against the live service\\. .*?^```yaml\n(.*?)^```$")

// presets returns the configurations of docs/providers.md by provider.
func presets(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, m := range presetSections.FindAllStringSubmatch(textOf(t, "../../docs/providers.md"), -1) {
		found[m[1]] = m[2]
	}
	return found
}

// loginStep is a request of a client and the response that it gets, without and with the
// repairs of the preset: status, Location and body.
type loginStep struct {
	name, request string // the target of a GET, or the form of a token request
	without, with string
}

// stub is a provider that behaves as the pages cited in docs/providers.md say.
type stub struct {
	preset, host, token string // the section, the provider's host, the path of the token endpoint
	formRejected        string // the response to credentials in the form; empty: they are read, and no others
	serve               http.HandlerFunc
	metadata            map[string]string // documents by path
	location, published string            // where clients look for metadata, and a part of what they get
	problems            []string          // the start of each that check prints
	steps               []loginStep
}

const tenant, api = "/11111111-1111-1111-1111-111111111111", "api://22222222-2222-2222-2222-222222222222/mcp.read"

// authorized is the response of an authorization endpoint to a request that it accepts.
func authorized(w http.ResponseWriter, code string) {
	w.Header().Set("Location", "http://127.0.0.1:8976/callback?code="+code)
	w.WriteHeader(http.StatusFound)
}

func answerJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// entra refuses resource and scopes without their API, and sends expires_in as text.
var entra = stub{
	preset: "Microsoft Entra ID", host: "login.microsoftonline.com", token: tenant + "/oauth2/v2.0/token",
	metadata: map[string]string{tenant + "/v2.0/.well-known/openid-configuration": `{"issuer":"https://login.microsoftonline.com` + tenant + `/v2.0",` +
		`"authorization_endpoint":"https://login.microsoftonline.com` + tenant + `/oauth2/v2.0/authorize","token_endpoint":"https://login.microsoftonline.com` + tenant + `/oauth2/v2.0/token",` +
		`"jwks_uri":"https://login.microsoftonline.com` + tenant + `/discovery/v2.0/keys","response_types_supported":["code"],"subject_types_supported":["pairwise"],` +
		`"id_token_signing_alg_values_supported":["RS256"],"scopes_supported":["openid","profile","email","offline_access"],` +
		`"token_endpoint_auth_methods_supported":["client_secret_post","private_key_jwt","client_secret_basic"]}`},
	location: tenant + "/v2.0/.well-known/openid-configuration", published: `"code_challenge_methods_supported":["S256"]`,
	problems: []string{"ID tokens and JWT access tokens name the issuer ", "Client assertions made from the rewritten metadata "},
	serve: func(w http.ResponseWriter, r *http.Request) {
		_, hasResource := r.Form["resource"]
		switch {
		case hasResource:
			answerJSON(w, 400, `{"error":"invalid_target","error_description":"AADSTS9010010"}`)
		case slices.Contains(strings.Fields(r.Form.Get("scope")), "mcp.read"):
			answerJSON(w, 400, `{"error":"invalid_scope","error_description":"AADSTS650053"}`)
		case r.Method == http.MethodGet:
			authorized(w, "1")
		default:
			answerJSON(w, 200, `{"token_type":"Bearer","scope":"`+api+`","expires_in":"5250","ext_expires_in":"5250","access_token":"at"}`)
		}
	},
	steps: []loginStep{
		{"authorization for a resource", tenant + "/oauth2/v2.0/authorize?response_type=code&client_id=c&resource=https%3A%2F%2Fmcp.example.com",
			`400 {"error":"invalid_target","error_description":"AADSTS9010010"}`, "302 http://127.0.0.1:8976/callback?code=1"},
		{"authorization for a scope", tenant + "/oauth2/v2.0/authorize?response_type=code&client_id=c&scope=mcp.read%20offline_access",
			`400 {"error":"invalid_scope","error_description":"AADSTS650053"}`, "302 http://127.0.0.1:8976/callback?code=1"},
		{"code", "grant_type=authorization_code&code=1&code_verifier=v",
			`200 {"token_type":"Bearer","scope":"` + api + `","expires_in":"5250","ext_expires_in":"5250","access_token":"at"}`,
			`200 {"token_type":"Bearer","scope":"` + api + `","expires_in":5250,"ext_expires_in":"5250","access_token":"at"}`},
		{"code for a resource", "grant_type=authorization_code&code=1&code_verifier=v&resource=https%3A%2F%2Fmcp.example.com",
			`400 {"error":"invalid_target","error_description":"AADSTS9010010"}`,
			`200 {"token_type":"Bearer","scope":"` + api + `","expires_in":5250,"ext_expires_in":"5250","access_token":"at"}`},
		{"refresh", "grant_type=refresh_token&refresh_token=r&scope=mcp.read",
			`400 {"error":"invalid_scope","error_description":"AADSTS650053"}`,
			`200 {"token_type":"Bearer","scope":"` + api + `","expires_in":5250,"ext_expires_in":"5250","access_token":"at"}`},
	},
}

// auth0 issues a token for an API only where the request has an audience.
var auth0 = stub{
	preset: "Auth0", host: "example.eu.auth0.com", token: "/oauth/token",
	metadata: map[string]string{"/.well-known/openid-configuration": `{"issuer":"https://example.eu.auth0.com/",` +
		`"authorization_endpoint":"https://example.eu.auth0.com/authorize","token_endpoint":"https://example.eu.auth0.com/oauth/token",` +
		`"jwks_uri":"https://example.eu.auth0.com/.well-known/jwks.json","response_types_supported":["code"],"subject_types_supported":["public"],` +
		`"id_token_signing_alg_values_supported":["RS256"],"code_challenge_methods_supported":["S256","plain"]}`},
	location: "/.well-known/openid-configuration", published: `"issuer":"https://login.example.com/"`,
	problems: []string{"ID tokens and JWT access tokens name the issuer "},
	serve: func(w http.ResponseWriter, r *http.Request) {
		audience := r.Form.Get("audience")
		switch {
		case r.Method == http.MethodGet:
			authorized(w, "for-"+url.QueryEscape(audience))
		case r.Form.Get("grant_type") == "client_credentials" && audience == "":
			answerJSON(w, 403, `{"error":"access_denied","error_description":"No audience"}`)
		default:
			answerJSON(w, 200, `{"access_token":"for `+audience+`","expires_in":86400,"token_type":"Bearer"}`)
		}
	},
	steps: []loginStep{
		{"authorization", "/authorize?response_type=code&client_id=c&resource=https%3A%2F%2Fmcp.example.com%2F",
			"302 http://127.0.0.1:8976/callback?code=for-", "302 http://127.0.0.1:8976/callback?code=for-https%3A%2F%2Fmcp.example.com%2F"},
		{"another audience", "/authorize?response_type=code&client_id=c&audience=https%3A%2F%2Fother.example.com",
			"302 http://127.0.0.1:8976/callback?code=for-https%3A%2F%2Fother.example.com", "302 http://127.0.0.1:8976/callback?code=for-https%3A%2F%2Fother.example.com"},
		{"client credentials", "grant_type=client_credentials", `403 {"error":"access_denied","error_description":"No audience"}`,
			`200 {"access_token":"for https://mcp.example.com/","expires_in":86400,"token_type":"Bearer"}`},
	},
}

// github answers with a form unless the request accepts JSON, and with status 200 always.
var github = stub{
	preset: "GitHub", host: "github.com", token: "/login/oauth/access_token",
	metadata: map[string]string{"/.well-known/oauth-authorization-server/login/oauth": `{"issuer":"https://github.com/login/oauth",` +
		`"authorization_endpoint":"https://github.com/login/oauth/authorize","token_endpoint":"https://github.com/login/oauth/access_token",` +
		`"response_types_supported":["code"],"code_challenge_methods_supported":["S256"]}`},
	location: "/.well-known/oauth-authorization-server/login/oauth", published: `"authorization_endpoint":"https://login.example.com/login/oauth/authorize"`,
	problems: []string{"metadata OK: no problems for strict clients"},
	serve: func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet:
			authorized(w, "1")
		case r.Header.Get("Accept") != "application/json":
			_, _ = io.WriteString(w, "access_token=at&token_type=bearer")
		case r.Form.Get("refresh_token") == "dead":
			answerJSON(w, 200, `{"error":"bad_refresh_token","error_description":"expired"}`)
		case r.Form.Get("code") == "wrong":
			answerJSON(w, 200, `{"error":"bad_verification_code","error_description":"expired"}`)
		default:
			answerJSON(w, 200, `{"access_token":"at","expires_in":28800,"refresh_token":"rt","token_type":"bearer","scope":""}`)
		}
	},
	steps: []loginStep{
		{"authorization", "/login/oauth/authorize?client_id=c", "302 http://127.0.0.1:8976/callback?code=1", "302 http://127.0.0.1:8976/callback?code=1"},
		{"code", "grant_type=authorization_code&code=1", `200 {"access_token":"at","expires_in":28800,"refresh_token":"rt","token_type":"bearer","scope":""}`,
			`200 {"access_token":"at","expires_in":28800,"refresh_token":"rt","token_type":"bearer","scope":""}`},
		{"wrong code", "grant_type=authorization_code&code=wrong", `200 {"error":"bad_verification_code","error_description":"expired"}`,
			`400 {"error":"bad_verification_code","error_description":"expired"}`},
		{"dead refresh token", "grant_type=refresh_token&refresh_token=dead", `200 {"error":"bad_refresh_token","error_description":"expired"}`,
			`400 {"error":"invalid_grant","error_description":"expired"}`},
	},
}

// slack answers with status 200 always, and with members and values of its own.
var slack = stub{
	preset: "Slack with bot tokens", host: "slack.com", token: "/api/oauth.v2.access",
	problems: []string{"The provider has no metadata, "},
	serve: func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Form.Get("refresh_token") == "dead":
			answerJSON(w, 200, `{"ok":false,"error":"invalid_refresh_token"}`)
		case r.Form.Get("code") == "wrong":
			answerJSON(w, 200, `{"ok":false,"error":"invalid_code"}`)
		default:
			answerJSON(w, 200, `{"ok":true,"access_token":"at","token_type":"bot","scope":"commands,chat:write","authed_user":{"id":"U1"},"enterprise":null}`)
		}
	},
	steps: []loginStep{
		{"login page", "/oauth/v2/authorize", `404 {"error":"invalid_request","error_description":"There is no such endpoint here."}`,
			`404 {"error":"invalid_request","error_description":"There is no such endpoint here."}`},
		{"code", "grant_type=authorization_code&code=1", `200 {"ok":true,"access_token":"at","token_type":"bot","scope":"commands,chat:write","authed_user":{"id":"U1"}}`,
			`200 {"ok":true,"access_token":"at","token_type":"bot","scope":"commands,chat:write","authed_user":{"id":"U1"}}`},
		{"wrong code", "grant_type=authorization_code&code=wrong", `200 {"ok":false,"error":"invalid_code"}`, `400 {"ok":false,"error":"invalid_code"}`},
		{"dead refresh token", "grant_type=refresh_token&refresh_token=dead", `200 {"ok":false,"error":"invalid_refresh_token"}`, `400 {"ok":false,"error":"invalid_grant"}`},
	},
}

// reddit reads credentials from the header only, and answers wrong codes with status 200.
var reddit = stub{
	preset: "Reddit", host: "www.reddit.com", token: "/api/v1/access_token", formRejected: `{"message": "Unauthorized", "error": 401}`,
	problems: []string{"The provider has no metadata, "},
	serve: func(w http.ResponseWriter, r *http.Request) {
		if r.Form.Get("code") == "wrong" {
			answerJSON(w, 200, `{"error": "invalid_grant"}`)
			return
		}
		answerJSON(w, 200, `{"access_token":"at","token_type":"bearer","expires_in":3600,"scope":"identity"}`)
	},
	steps: []loginStep{
		{"code", "grant_type=authorization_code&code=1", `401 {"message": "Unauthorized", "error": 401}`, `200 {"access_token":"at","token_type":"bearer","expires_in":3600,"scope":"identity"}`},
		{"wrong code", "grant_type=authorization_code&code=wrong", `401 {"message": "Unauthorized", "error": 401}`, `400 {"error": "invalid_grant"}`},
	},
}

// notion reads credentials from the header only.
var notion = stub{
	preset: "Notion", host: "api.notion.com", token: "/v1/oauth/token", formRejected: `{"error":"invalid_client"}`,
	problems: []string{"The provider has no metadata, "},
	serve: func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, 200, `{"access_token":"at","token_type":"bearer","refresh_token":"rt","bot_id":"b"}`)
	},
	steps: []loginStep{
		{"code", "grant_type=authorization_code&code=1", `401 {"error":"invalid_client"}`, `200 {"access_token":"at","token_type":"bearer","refresh_token":"rt","bot_id":"b"}`},
		{"refresh", "grant_type=refresh_token&refresh_token=rt", `401 {"error":"invalid_client"}`, `200 {"access_token":"at","token_type":"bearer","refresh_token":"rt","bot_id":"b"}`},
	},
}

// ServeHTTP answers only under the provider's host, and token requests only if the client is
// where the provider reads it.
func (s stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	document := s.metadata[r.URL.Path]
	isToken := r.Method == http.MethodPost && r.URL.Path == s.token
	switch err := r.ParseForm(); {
	case err != nil || r.Host != s.host, strings.Contains(r.URL.Path, "/.well-known/") && document == "":
		http.NotFound(w, r)
	case document != "":
		answerJSON(w, 200, document)
	case isToken && s.formRejected != "" && (r.Header.Get("Authorization") != "Basic Yzpz" || r.PostForm.Has("client_id") || r.PostForm.Has("client_secret")):
		answerJSON(w, 401, s.formRejected)
	case isToken && s.formRejected == "" && (r.Header.Get("Authorization") != "" || r.PostForm.Get("client_secret") != "s"):
		answerJSON(w, 400, `{"error":"invalid_client"}`)
	case isToken || r.Method == http.MethodGet:
		s.serve(w, r)
	default:
		http.NotFound(w, r)
	}
}

// presetSettings returns the settings of a preset in front of a stub, which has plain http.
func presetSettings(t *testing.T, preset, provider string, change func(*config.Config)) config.Settings {
	t.Helper()
	return testSettings(t, "", func(c *config.Config) {
		listen, admin := c.Listen, c.Admin.Listen
		d := yaml.NewDecoder(strings.NewReader(preset))
		d.KnownFields(true)
		if err := d.Decode(c); err != nil {
			t.Fatal(err)
		}
		c.Upstream.URL, c.Listen, c.Admin.Listen = provider, listen, admin
		change(c)
	})
}

// asClient sends a request as a client of the public origin, by the method that the provider does
// not read, and returns status, Location and body of the response.
func (s stub) asClient(t *testing.T, gateway, request string) string {
	t.Helper()
	method, target, body := http.MethodPost, s.token, request
	if strings.HasPrefix(request, "/") {
		method, target, body = http.MethodGet, request, ""
	} else if s.formRejected != "" {
		body += "&client_id=c&client_secret=s"
	}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+gateway+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "login.example.com"
	if body != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if s.formRejected == "" {
			req.SetBasicAuth("c", "s")
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return strings.TrimSpace(fmt.Sprintf("%d %s%s", resp.StatusCode, resp.Header.Get("Location"), text))
}

// TestPresets checks that the configurations of docs/providers.md are valid, and that each
// makes logins work at a provider that behaves as cited, which fail without its repairs.
func TestPresets(t *testing.T) {
	all := presets(t)
	for _, s := range []stub{entra, auth0, github, slack, reddit, notion} {
		t.Run(s.preset, func(t *testing.T) {
			provider := httptest.NewServer(s)
			defer provider.Close()
			s.check(t, all[s.preset], provider.URL)
			s.run(t, presetSettings(t, all[s.preset], provider.URL, func(*config.Config) {}), func(step loginStep) string { return step.with })
			s.run(t, presetSettings(t, all[s.preset], provider.URL, func(c *config.Config) {
				c.Repair, c.Upstream.ClientAuth = config.Default().Repair, config.Default().Upstream.ClientAuth
			}), func(step loginStep) string { return step.without })
		})
		delete(all, s.preset)
	}
	for section := range all {
		t.Errorf("no test of %s", section)
	}
}

// check compares what oauthgw check prints about a preset.
func (s stub) check(t *testing.T, preset, provider string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "oauthgw.yaml")
	writeFile(t, file, preset)
	out, _, err := invoke(t, "check", "--config.file="+file, "--upstream.url="+provider)
	want := append([]string{"the configuration is valid"}, s.problems...)
	if got := strings.Split(strings.TrimSpace(out), "\n"); err != nil || !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Errorf("check: %v\n%s", err, out)
	}
}

func (s stub) run(t *testing.T, settings config.Settings, want func(loginStep) string) {
	t.Helper()
	g := startGateway(t, settings)
	eventually(t, "readiness", func() bool { return status(t, "http://"+g.admin+"/-/ready") == 200 })
	for _, step := range s.steps {
		if got := s.asClient(t, g.data, step.request); got != want(step) {
			t.Errorf("%s: got\n%s\nwant\n%s", step.name, got, want(step))
		}
	}
	if s.location != "" {
		if got := s.asClient(t, g.data, s.location); !strings.HasPrefix(got, "200 ") || !strings.Contains(got, s.published) {
			t.Errorf("%s: got\n%s", s.location, got)
		}
	}
	g.stop()
}
