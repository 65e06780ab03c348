package wellknown_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
	"oauthgw/metrics"
	"oauthgw/wellknown"
)

// Each location is answered with the provider's own document for it, and an
// OpenID location only with one that OpenID clients can use.
func TestEachLocationHasItsOwnDocument(t *testing.T) {
	const openid = `,"jwks_uri":"https://gateway.example/j","subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}`
	published := map[string]string{
		"/.well-known/oauth-authorization-server":       document,
		"/.well-known/oauth-authorization-server/t1":    strings.Replace(document, "gateway.example\"", "gateway.example/t1\"", 1),
		"/.well-known/openid-configuration":             document,
		"/.well-known/openid-configuration/t1":          strings.TrimSuffix(document, "}") + openid,
		"/t1/.well-known/openid-configuration":          strings.TrimSuffix(document, "}") + openid,
		"/t1/.well-known/oauth-authorization-server":    "",
		"/.well-known/oauth-authorization-server/empty": "[]",
	}
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		p.says(func(w http.ResponseWriter, r *http.Request) {
			text, ok := published[r.URL.Path]
			if !ok {
				http.NotFound(w, r)
				return
			}
			if text != "" {
				w.Header().Set("Content-Type", "application/json; charset=utf-8")
			}
			_, _ = io.WriteString(w, text)
		})
		h := newHandler(t, p)
		for path, want := range map[string]string{
			"/.well-known/oauth-authorization-server":       `{"issuer":"https://gateway.example",`,
			"/.well-known/oauth-authorization-server/t1":    `{"issuer":"https://gateway.example/t1",`,
			"/.well-known/openid-configuration":             "",
			"/.well-known/openid-configuration/t1":          `{"issuer":"https://gateway.example",`,
			"/t1/.well-known/openid-configuration":          `{"issuer":"https://gateway.example",`,
			"//t1/./.well-known/openid-configuration/":      `{"issuer":"https://gateway.example",`,
			"/t1/.well-known/oauth-authorization-server":    "",
			"/.well-known/oauth-authorization-server/empty": "",
			"/.well-known/oauth-authorization-server/t2":    "",
		} {
			if !h.Serves(path) {
				t.Errorf("%s is not served", path)
			}
			w := get(h, path)
			if want == "" && w.Code != http.StatusNotFound || want != "" && !strings.HasPrefix(w.Body.String(), want) || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%s: got %d %s", path, w.Code, w.Body)
			}
		}
		for _, path := range []string{"/", "/.well-known", "/.well-known/oauth-authorization-serverx", "/.well-known/oauth-protected-resource",
			"/.well-known/oauth-authorization-server/" + strings.Repeat("a", 512)} {
			if h.Serves(path) {
				t.Errorf("%.60s is served", path)
			}
		}
	})
}

// Under another issuer a protected resource names the server that clients know,
// and itself as they reach it.
func TestResourceMovesWithTheIssuer(t *testing.T) {
	const resource = "/.well-known/oauth-protected-resource"
	for text, want := range map[string]string{
		`{"resource":"https://provider.example/mcp","authorization_servers":["https://provider.example","https://other.example/"],"x":1.0,"signed_metadata":"a.b.c"}`: `{"resource":"https://gw.example/mcp","authorization_servers":["https://gw.example","https://other.example/"],"x":1.0}`,
		`{"resource":"https://other.example/mcp","authorization_servers":"https://provider.example"}`:                                                                 `{"resource":"https://other.example/mcp","authorization_servers":"https://provider.example"}`,
		`{"resource":"http://provider.example/mcp"}`: `{"resource":"https://gw.example/mcp"}`,
		`{"authorization_servers":[]}`:               "503",
		`{"resource":"a","resource":"b"}`:            "503",
		`[]`:                                         "404",
	} {
		synctest.Test(t, func(t *testing.T) {
			p := &provider{}
			p.says(saying(text))
			h := newHandler(t, p, func(c *wellknown.SourceConfig) {
				c.Public, c.Issuer = origin.Of("https://gw.example"), wellknown.IssuerRewrite
			})
			w := get(h, resource)
			got := w.Body.String()
			if w.Code != http.StatusOK {
				got = http.StatusText(w.Code)
				want = map[string]string{"503": "Service Unavailable", "404": "Not Found"}[want]
			}
			if got != want || !h.Serves(resource+"/mcp") {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestPatchCorrectsTheDocument(t *testing.T) {
	raw := func(texts ...string) (list []json.RawMessage) {
		for _, text := range texts {
			list = append(list, json.RawMessage(text))
		}
		return list
	}
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		p.says(saying(`{"issuer":"https://gateway.example","token_endpoint":"/t","grant_types_supported":["authorization_code"],"x":1,"y":2,"z":"no list"}`))
		h := newHandler(t, p, func(c *wellknown.SourceConfig) {
			c.Patch = wellknown.Patch{
				Remove: []string{"x", "absent"},
				Set:    map[string]json.RawMessage{"y": json.RawMessage(`{"a":1.0}`), "token_endpoint": json.RawMessage(`"https://gateway.example/t"`)},
				Add: map[string][]json.RawMessage{
					"code_challenge_methods_supported": raw(`"S256"`),
					"grant_types_supported":            raw(`"authorization_code"`, `"refresh_token"`),
					"z":                                raw(`"a"`),
				},
			}
		})
		const want = `{"issuer":"https://gateway.example","token_endpoint":"https://gateway.example/t","grant_types_supported":["authorization_code","refresh_token"],` +
			`"y":{"a":1.0},"z":"no list","code_challenge_methods_supported":["S256"],"token_endpoint_auth_methods_supported":["client_secret_post","client_secret_basic"]}`
		if got := get(h, location).Body.String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// The path of the expected issuer tells where its metadata is.
func TestProviderBehindAPath(t *testing.T) {
	const text = `{"issuer":"https://idp.example/t1","token_endpoint":"https://idp.example/t1/token?a=1","revocation_endpoint":"https://elsewhere.example/r",` +
		`"jwks_uri":"https://idp.example/j","subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}`
	for _, published := range wellknown.Locations("https://idp.example/t1") {
		for mode, public := range map[wellknown.IssuerMode]string{wellknown.IssuerPreserve: "", wellknown.IssuerRewrite: "https://gw.example"} {
			synctest.Test(t, func(t *testing.T) {
				p := &provider{}
				p.says(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path != published {
						http.NotFound(w, r)
						return
					}
					saying(text)(w, r)
				})
				s, err := wellknown.NewSource(wellknown.SourceConfig{
					Upstream: origin.Of("http://provider.example"), Transport: p.start(t), Expected: "https://idp.example/t1",
					Issuer: mode, Public: origin.Of(public), TTL: 1, Entries: 4, Metrics: metrics.New(metrics.Build{}),
				})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				got, err := s.Provider(t.Context())
				if err != nil || got.Issuer != "https://idp.example/t1" || len(got.Endpoints) != 1 || got.Endpoints[clientauth.Token].RequestURI() != "/t1/token?a=1" {
					t.Errorf("%s, %s: got %v %v", published, mode, got, err)
				}
			})
		}
	}
}

// A document that names another issuer does not make that one's origin the
// gateway's: nothing is promised of its endpoints.
func TestForeignDocumentGainsNothing(t *testing.T) {
	const foreign = `{"issuer":"https://evil.example","token_endpoint":"https://evil.example/t","token_endpoint_auth_methods_supported":["client_secret_post"]}`
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		p.says(saying(foreign))
		if got := get(newHandler(t, p), location+"/evil").Body.String(); got != foreign {
			t.Errorf("got %s", got)
		}
	})
}

// Signed values would take precedence over a correction.
func TestPatchDropsSignedValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &provider{}
		p.says(saying(`{"issuer":"https://gateway.example","token_endpoint":"https://gateway.example/t","token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"],"signed_metadata":"a.b.c"}`))
		h := newHandler(t, p, func(c *wellknown.SourceConfig) {
			c.Patch = wellknown.Patch{Set: map[string]json.RawMessage{"x": json.RawMessage("1")}}
		})
		if got := get(h, location).Body.String(); strings.Contains(got, "signed_metadata") {
			t.Errorf("got %s", got)
		}
	})
}
