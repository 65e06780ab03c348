package wellknown_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
	"oauthgw/wellknown"
)

// Requests for locations that are not the issuer's own are admitted one by one.
func TestServes(t *testing.T) {
	admitted := map[string]bool{}
	empty := func(c *wellknown.SourceConfig) { c.Transport = http.NewFileTransport(http.Dir(t.TempDir())) }
	h := wellknown.New(wellknown.Config{Source: newHandler(t, newProvider(hang), empty).source,
		WriteError: func(http.ResponseWriter, *clientauth.Error) {},
		Admit:      func(_ http.ResponseWriter, r *http.Request) bool { admitted[r.URL.Path] = true; return false }})
	left, leave := context.WithCancel(t.Context())
	leave()
	for path, want := range map[string][2]bool{
		location: {true, true}, openid: {true, true}, "//" + openid + "/": {true, true}, location + "/t1": {true, false}, "/t1" + openid: {true, false},
		"//t1/." + openid + "/": {true, false}, "/t1" + location: {true, false}, location + "/a%2f": {true, false}, location + "/\xff": {true, false},
		"/": {}, "/.well-known": {}, location + "x": {}, "/.well-known/oauth-protected-resource": {}, location + "/" + strings.Repeat("a", 512): {},
	} {
		r := (&http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}}).WithContext(left)
		h.ServeHTTP(httptest.NewRecorder(), r)
		if got := [2]bool{h.Serves(r), h.Serves(r) && !admitted[path]}; got != want {
			t.Errorf("%.60q: served, and the issuer's own: %v, want %v", path, got, want)
		}
	}
}

// If the issuer is rewritten, a protected resource names the rewritten one, and itself
// as clients reach it.
func TestResourceMovesWithTheIssuer(t *testing.T) {
	const resource = "/.well-known/oauth-protected-resource"
	for text, want := range map[string]string{
		`{"resource":"https://provider.example/mcp","authorization_servers":["https://provider.example","https://other.example/"],"x":1.0,"signed_metadata":"a.b.c"}`: `{"resource":"https://gw.example/mcp","authorization_servers":["https://gw.example","https://other.example/"],"x":1.0}`,
		`{"resource":"https://other.example/mcp","authorization_servers":"https://provider.example"}`:                                                                 `{"resource":"https://other.example/mcp","authorization_servers":"https://provider.example"}`,
		`{"resource":"http://provider.example/mcp"}`: `{"resource":"https://gw.example/mcp"}`,
		`{"authorization_servers":[]}`:               "Service Unavailable",
		`{"resource":"a","resource":"b"}`:            "Service Unavailable",
		`[]`:                                         "Not Found",
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newHandler(t, newProvider(sends(text)), func(c *wellknown.SourceConfig) {
				c.Public, c.Rewrite = origin.Of("https://gw.example"), true
			})
			w := get(h, resource)
			got := w.Body.String()
			if w.Code != http.StatusOK {
				got = http.StatusText(w.Code)
			}
			if got != want || !h.Serves(&http.Request{URL: &url.URL{Path: resource + "/mcp"}}) {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// A patch also drops the signed values, which would take precedence.
func TestPatchCorrectsTheDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(sends(`{"issuer":"https://gateway.example","token_endpoint":"/t","grant_types_supported":["authorization_code"],"x":1,"y":2,"z":"no list","signed_metadata":"a.b.c",` +
			`"token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"]}`))
		h := newHandler(t, p, func(c *wellknown.SourceConfig) {
			c.Patch = wellknown.Patch{
				Remove: []string{"x", "absent"},
				Set:    map[string]json.RawMessage{"y": json.RawMessage(`{"a":1.0}`), "token_endpoint": json.RawMessage(`"https://gateway.example/t"`)},
				Add: map[string][]json.RawMessage{"code_challenge_methods_supported": {[]byte(`"S256"`)},
					"grant_types_supported": {[]byte(`"authorization_code"`), []byte(`"refresh_token"`)}, "z": {[]byte(`"a"`)}},
			}
		})
		const want = `{"issuer":"https://gateway.example","token_endpoint":"https://gateway.example/t","grant_types_supported":["authorization_code","refresh_token"],` +
			`"y":{"a":1.0},"z":"no list","token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"],"code_challenge_methods_supported":["S256"]}`
		if got := get(h, location).Body.String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

// The endpoints of a document that names another issuer are not the gateway's.
func TestForeignDocumentIsNotAugmented(t *testing.T) {
	const foreign = `{"issuer":"https://evil.example","token_endpoint":"https://evil.example/t","token_endpoint_auth_methods_supported":["client_secret_post"]}`
	synctest.Test(t, func(t *testing.T) {
		if got := get(newHandler(t, newProvider(sends(foreign))), location+"/evil").Body.String(); got != foreign {
			t.Errorf("got %s", got)
		}
	})
}
