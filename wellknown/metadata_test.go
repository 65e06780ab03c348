package wellknown_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
	"oauthgw/internal/origin"
	"oauthgw/wellknown"
)

var update = flag.Bool("update", false, "rewrite the expected documents")

// Each pair in testdata is a list of a provider's documents and one of those that are served, if every
// endpoint at gateway.example is fronted. In a pair whose name starts with rewrite, provider.example
// is gateway.example to clients. In one whose name has assertions, the gateway verifies ES256 and
// RS256.
func TestAugment(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.in.json")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, input := range inputs {
		name := strings.TrimSuffix(filepath.Base(input), ".in.json")
		t.Run(name, func(t *testing.T) {
			var verified []string
			if strings.Contains(name, "assertions") {
				verified = []string{"ES256", "RS256"}
			}
			var served []string
			for _, d := range documents(t, input) {
				served = append(served, string(augment(parse(t, d), strings.HasPrefix(name, "rewrite"), verified...).Encode()))
			}
			output := "testdata/" + name + ".out.json"
			if *update {
				if err := os.WriteFile(output, []byte("[\n"+strings.Join(served, ",\n")+"\n]\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := documents(t, output); !slices.Equal(served, want) {
				t.Errorf("got  %s\nwant %s", strings.Join(served, "\n     "), strings.Join(want, "\n     "))
			}
		})
	}
}

// documents returns the texts of the documents in a file, byte for byte.
func documents(t testing.TB, name string) (texts []string) {
	t.Helper()
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(readFile(t, name)), &list); err != nil || len(list) == 0 {
		t.Fatalf("%s: %d documents, %v", name, len(list), err)
	}
	for _, d := range list {
		texts = append(texts, string(d))
	}
	return texts
}

func parse(t *testing.T, text string) wellknown.Metadata {
	t.Helper()
	o, err := jsonobject.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return wellknown.Metadata{Object: o}
}

// augment augments metadata as if every endpoint at the public origin were fronted, and the gateway
// verified assertions by some algorithms.
func augment(md wellknown.Metadata, rewrite bool, verified ...string) wellknown.Metadata {
	m := origin.Map{To: origin.Of("https://gateway.example")}
	if rewrite {
		m.From = append(m.From, origin.Of("https://provider.example"))
	}
	paths := map[clientauth.Endpoint]string{}
	for _, name := range clientauth.Endpoints() {
		if u := md.Endpoint(name); u != nil {
			paths[name] = u.Path
		}
	}
	return md.Augment(m, paths, rewrite, wellknown.Agents{Algorithms: verified})
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Writing to what the methods return does not change the metadata.
func TestA094MetadataIsImmutable(t *testing.T) {
	md := parse(t, `{"issuer":"https://a","token_endpoint":"https://a/t","x":[1]}`)
	kept := string(md.Encode())
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			made := augment(md, false)
			clear(md.Encode())
			clear(made.With("x", 2).Encode())
			clear(md.Members())
		})
	}
	readers.Wait()
	if got := string(md.Encode()); got != kept {
		t.Errorf("got %s, want %s", got, kept)
	}
}

func TestLocations(t *testing.T) {
	for issuer, want := range map[string]string{
		"":                          "/.well-known/oauth-authorization-server /.well-known/openid-configuration",
		"https://a":                 "/.well-known/oauth-authorization-server /.well-known/openid-configuration",
		"https://a/":                "/.well-known/oauth-authorization-server /.well-known/openid-configuration",
		"https://a/t1/x/":           "/.well-known/oauth-authorization-server/t1/x /.well-known/openid-configuration/t1/x /t1/x/.well-known/openid-configuration /t1/x/.well-known/oauth-authorization-server",
		"https://a/realms/one%20me": "/.well-known/oauth-authorization-server/realms/one me /.well-known/openid-configuration/realms/one me /realms/one me/.well-known/openid-configuration /realms/one me/.well-known/oauth-authorization-server",
		":":                         "/.well-known/oauth-authorization-server /.well-known/openid-configuration",
	} {
		if got := strings.Join(wellknown.Locations(issuer), " "); got != want {
			t.Errorf("%s: got %s", issuer, got)
		}
	}
}

// Parts of the documents of TestH08Agents.
const (
	head      = `{"issuer":"https://gateway.example","authorization_endpoint":"https://gateway.example/a","token_endpoint":"https://gateway.example/t"`
	endpoints = `,"revocation_endpoint":"https://gateway.example/r","introspection_endpoint":"https://gateway.example/i"`
	methods   = `"token_endpoint_auth_methods_supported":["client_secret_post","client_secret_basic"`
	revoking  = `],"revocation_endpoint_auth_methods_supported":["client_secret_post","client_secret_basic"`
	asking    = `],"introspection_endpoint_auth_methods_supported":["client_secret_post","client_secret_basic"]`
	lists     = `,"token_endpoint_auth_methods_supported":["client_secret_post"],"revocation_endpoint_auth_methods_supported":["client_secret_post"],"introspection_endpoint_auth_methods_supported":["client_secret_post"]`
	added     = `,"token_endpoint_auth_methods_supported":["client_secret_post","client_secret_basic"`
)

// TestH08Agents checks that each of what is offered to clients without a secret is added by its own
// option only, and where it holds.
func TestH08Agents(t *testing.T) {
	none, documents, registers := wellknown.Agents{Public: true}, wellknown.Agents{Documents: true}, wellknown.Agents{Registers: true}
	for name, test := range map[string]struct {
		document string
		agents   wellknown.Agents
		want     string
	}{
		"nothing":                          {head + endpoints + lists + `}`, wellknown.Agents{}, head + endpoints + added + revoking + asking + `}`},
		"none":                             {head + endpoints + lists + `}`, none, head + endpoints + added + `,"none"` + revoking + `,"none"` + asking + `}`},
		"none without lists":               {head + endpoints + `}`, none, head + endpoints + `,` + methods + `,"none"` + revoking + `,"none"]}`},
		"none is there":                    {head + `,"token_endpoint_auth_methods_supported":["none","client_secret_post"]}`, none, head + `,"token_endpoint_auth_methods_supported":["none","client_secret_post","client_secret_basic"]}`},
		"provider without secrets":         {head + `,"token_endpoint_auth_methods_supported":["private_key_jwt"]}`, none, head + `,"token_endpoint_auth_methods_supported":["private_key_jwt"]}`},
		"documents":                        {head + `}`, documents, head + `,` + methods + `],"client_id_metadata_document_supported":true}`},
		"documents of the provider":        {head + `,"client_id_metadata_document_supported":false}`, documents, head + `,"client_id_metadata_document_supported":true,` + methods + `]}`},
		"registration":                     {head + `}`, registers, head + `,` + methods + `],"registration_endpoint":"https://gateway.example/register"}`},
		"registration of the provider":     {head + `,"registration_endpoint":"https://gateway.example/x"}`, registers, head + `,"registration_endpoint":"https://gateway.example/x",` + methods + `]}`},
		"registration at another origin":   {head + `,"registration_endpoint":"https://other.example/x"}`, registers, head + `,"registration_endpoint":"https://other.example/x",` + methods + `]}`},
		"signed metadata of other content": {head + `,"signed_metadata":"x"}`, documents, head + `,` + methods + `],"client_id_metadata_document_supported":true}`},
	} {
		md := parse(t, test.document)
		paths := map[clientauth.Endpoint]string{clientauth.Registration: "/register"}
		for _, endpoint := range append(clientauth.Endpoints(), clientauth.Authorization) {
			if u := md.Endpoint(endpoint); u != nil {
				paths[endpoint] = u.Path
			}
		}
		m := origin.Map{To: origin.Of("https://gateway.example")}
		if got := string(md.Augment(m, paths, true, test.agents).Encode()); got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, test.want)
		}
		// Without a fronted authorization endpoint, and at that of another issuer, nothing is lent.
		paths[clientauth.Authorization] = "/tenant" + paths[clientauth.Authorization]
		other := string(md.Augment(m, paths, true, test.agents).Encode())
		delete(paths, clientauth.Authorization)
		got, plain := string(md.Augment(m, paths, true, test.agents).Encode()), string(md.Augment(m, paths, true, wellknown.Agents{}).Encode())
		if got != plain || other != plain {
			t.Errorf("%s: without the authorization endpoint got %s, at another one %s, want %s", name, got, other, plain)
		}
	}
}

// TestCA43MethodOfAssertions checks that private_key_jwt is added only where the gateway verifies
// assertions: at fronted endpoints of the issuer, whether logins are fronted or not. The pairs in
// testdata show the members.
func TestCA43MethodOfAssertions(t *testing.T) {
	const token, revocation, method = "token_endpoint_auth_methods_supported", "revocation_endpoint_auth_methods_supported", "private_key_jwt"
	md := parse(t, head+`,"revocation_endpoint":"https://gateway.example/r"}`)
	for name, test := range map[string]struct {
		paths             map[clientauth.Endpoint]string
		verified          []string
		token, revocation bool
	}{
		"both":             {map[clientauth.Endpoint]string{"token": "/t", "revocation": "/r"}, []string{"ES256"}, true, true},
		"with logins":      {map[clientauth.Endpoint]string{"token": "/t", "revocation": "/r", "authorization": "/a"}, []string{"ES256"}, true, true},
		"token":            {map[clientauth.Endpoint]string{"token": "/t"}, []string{"ES256"}, true, false},
		"another issuer's": {map[clientauth.Endpoint]string{"token": "/other/t", "revocation": "/r"}, []string{"ES256"}, false, true},
		"nothing fronted":  {nil, []string{"ES256"}, false, false},
		"nothing verified": {map[clientauth.Endpoint]string{"token": "/t", "revocation": "/r"}, nil, false, false},
	} {
		served := md.Augment(origin.Map{To: origin.Of("https://gateway.example")}, test.paths, true, wellknown.Agents{Algorithms: test.verified})
		for member, want := range map[string]bool{token: test.token, revocation: test.revocation} {
			algorithms := served.Strings(strings.Replace(member, "methods", "signing_alg_values", 1))
			if slices.Contains(served.Strings(member), method) != want || slices.Equal(algorithms, []string{"ES256"}) != want || len(algorithms) > 1 {
				t.Errorf("%s: got %s", name, served.Encode())
			}
		}
	}
}
