package wellknown_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/internal/origin"
	"oauthgw/wellknown"
)

const resource = "/.well-known/oauth-protected-resource/mcp"

func withResources(c *wellknown.SourceConfig) {
	c.Resources = []wellknown.Resource{{Path: "/mcp", Scopes: []string{"read"}}}
}

// The generated metadata names the issuer byte for byte, which must be known, and a resource at the
// public origin or that of the issuer.
func TestH09GeneratedMetadata(t *testing.T) {
	const unavailable, anyOrigin = "Service Unavailable", "*"
	for name, test := range map[string]struct {
		issuer, public string
		stripCORS      bool
		want, cors     string
	}{
		"no issuer":             {"", "https://gw.example", false, unavailable, ""},
		"nothing known":         {"", "", false, unavailable, ""},
		"issuer without origin": {"idp", "", false, unavailable, ""},
		"no public origin":      {"https://idp.example/", "", false, `{"resource":"https://idp.example/mcp","authorization_servers":["https://idp.example/"],"scopes_supported":["read"]}`, anyOrigin},
		"public origin": {"https://idp.example/a?b&c", "https://gw.example:8443", false,
			`{"resource":"https://gw.example:8443/mcp","authorization_servers":["https://idp.example/a?b&c"],"scopes_supported":["read"]}`, anyOrigin},
		"CORS elsewhere": {"https://gw.example", "https://gw.example", true, `{"resource":"https://gw.example/mcp","authorization_servers":["https://gw.example"],"scopes_supported":["read"]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHandler(t, newProvider(http.NotFound), withResources, func(c *wellknown.SourceConfig) { c.Public = origin.Of(test.public) })
				h.Handler = wellknown.New(wellknown.Config{Source: h.source, Issuer: test.issuer, StripCORS: test.stripCORS, WriteError: writeStatus})
				w := get(h, resource)
				got := w.Body.String()
				if w.Code != http.StatusOK {
					got = http.StatusText(w.Code)
				}
				if cors := w.Header().Get("Access-Control-Allow-Origin"); got != test.want || cors != test.cors {
					t.Errorf("got %s, CORS %q", got, cors)
				}
			})
		})
	}
}

// Only the location of a configured resource is served if the issuer is not rewritten.
func TestH09Locations(t *testing.T) {
	h := newHandler(t, newProvider(http.NotFound), withResources)
	for path, want := range map[string]bool{
		resource: true, resource + "/": true, "//.well-known/./oauth-protected-resource/mcp": true,
		"/.well-known/oauth-protected-resource": false, resource + "/below": false, resource + ";a": false, "/mcp": false, "/mcp/.well-known/oauth-protected-resource": false,
	} {
		if got := h.Serves(httptest.NewRequest("GET", path, nil)); got != want {
			t.Errorf("%s: got %v", path, got)
		}
	}
}

// The provider's document replaces the generated one, and outlasts an outage. An unreachable
// provider may have one, so nothing is generated.
func TestH09TheProvidersDocument(t *testing.T) {
	const own = `{"resource":"https://gateway.example/mcp","authorization_servers":[ "https://a" ],"signed_metadata":"a.b.c"}`
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(hang)
		h := newHandler(t, p, withResources)
		expect := func(when string, wantStatus int, isOwn bool) {
			t.Helper()
			if w := get(h, resource); w.Code != wantStatus || (w.Body.String() == own) != isOwn {
				t.Errorf("%s: got %d %s", when, w.Code, w.Body)
			}
			time.Sleep(3 * time.Second) // longer than failures are cached
		}
		expect("unreachable", http.StatusServiceUnavailable, false)
		p.respond(http.NotFound)
		expect("absent", http.StatusOK, false)
		p.respond(sends(own))
		expect("present", http.StatusOK, true)
		time.Sleep(2 * time.Minute)
		p.respond(hang)
		expect("unreachable again", http.StatusOK, true)
	})
}

// Lint reports a document of the provider for another resource, and an unknown issuer.
func TestH09Lint(t *testing.T) {
	const unknown = "resources: the issuer, which the metadata of a resource names, is unknown; set upstream.issuer in oauthgw. Clients get 503 instead."
	const other = resource + `: The provider's own document names the resource "http://idp.example/mcp\n". Clients that use "https://gw.example/mcp" reject it, ` +
		"because the two must be equal (RFC 9728 section 3.3). Correct the document or remove it at the provider, or correct public_url or the path in resources."
	for name, test := range map[string]struct {
		metadata, resource string
		rewrite            bool
		want               string
	}{
		"none":             {sound, "", false, ""},
		"same":             {sound, `{"resource":"https://gw.example/mcp"}`, false, ""},
		"other":            {sound, `{"resource":"http://idp.example/mcp\n"}`, false, other},
		"moved":            {sound, `{"resource":"http://provider.example/mcp"}`, true, ""},
		"no issuer":        {`{"token_endpoint":"https://gw.example/t"}`, "", false, unknown},
		"no metadata":      {"", "", false, unknown},
		"not a JSON value": {sound, `<html>`, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				documents := map[string]string{location: test.metadata, resource: test.resource}
				p := newProvider(func(w http.ResponseWriter, r *http.Request) {
					if text := documents[r.URL.Path]; text != "" {
						sends(text)(w, r)
						return
					}
					http.NotFound(w, r)
				})
				h := newHandler(t, p, withResources, func(c *wellknown.SourceConfig) { c.Public, c.Rewrite = origin.Of("https://gw.example"), test.rewrite })
				found, err := h.source.Lint(t.Context(), paths)
				got := ""
				for _, line := range found {
					if line == unknown || len(line) > len(resource) && line[:len(resource)] == resource {
						got += line
					}
				}
				if err != nil || got != test.want {
					t.Errorf("got %s %v\nof %q", got, err, found)
				}
			})
		})
	}
}

func TestH09Location(t *testing.T) {
	for path, want := range map[string]string{
		"/":     "/.well-known/oauth-protected-resource",
		"/mcp":  resource,
		"/mcp/": resource,
	} {
		if got := (wellknown.Resource{Path: path}).Location(); got != want {
			t.Errorf("%s: got %s", path, got)
		}
	}
}
