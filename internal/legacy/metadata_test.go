package legacy_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"oauthgw/internal/legacy"
)

// The documents name the public URL whatever the Host, are the same below
// their paths as at them, and have no cache headers.
func TestDocuments(t *testing.T) {
	p := start(t, legacy.Config{})
	server := map[string]any{
		"issuer":                                publicURL,
		"authorization_endpoint":                publicURL + "/oauth2/authorize",
		"token_endpoint":                        publicURL + "/oauth2/tokens",
		"registration_endpoint":                 publicURL + "/oauth2/register",
		"revocation_endpoint":                   publicURL + "/oauth2/revoke",
		"response_types_supported":              []any{"code"},
		"grant_types_supported":                 []any{"authorization_code", "refresh_token"},
		"code_challenge_methods_supported":      []any{"S256"},
		"scopes_supported":                      []any{"all", "application_connect"},
		"token_endpoint_auth_methods_supported": []any{"client_secret_post"},
	}
	resource := map[string]any{
		"resource":                 publicURL + "/mcp",
		"authorization_servers":    []any{publicURL},
		"scopes_supported":         []any{"all", "application_connect"},
		"bearer_methods_supported": []any{"header"},
	}
	tests := map[string]map[string]any{
		"/.well-known/oauth-authorization-server":     server,
		"/.well-known/oauth-authorization-server/":    server,
		"/.well-known/oauth-authorization-server/mcp": server,
		"/.well-known/oauth-authorization-server/a/b": server,
		"/.well-known/oauth-protected-resource":       resource,
		"/.well-known/oauth-protected-resource/mcp":   resource,
	}
	for path, want := range tests {
		t.Run(path, func(t *testing.T) {
			a := p.do(t, http.MethodGet, path, "")
			if a.status != http.StatusOK || !reflect.DeepEqual(a.member, want) {
				t.Errorf("got %d %s", a.status, a.body)
			}
			wantBareHeader(t, a)
			if a := p.do(t, http.MethodPost, path, ""); a.status != http.StatusMethodNotAllowed {
				t.Errorf("POST: got %d", a.status)
			}
		})
	}
}

// What no route knows is the dashboard's, openid-configuration among it.
func TestDashboard(t *testing.T) {
	p := start(t, legacy.Config{})
	for _, path := range []string{
		"/", "/login", "/oauth2", "/oauth2/token", "/oauth2/introspect", "/.well-known/openid-configuration",
		"/.well-known/openid-configuration/mcp",
		"/.well-known/oauth-authorization-servers", "/oauth2/tokens/x", "/a/../b",
	} {
		a := p.do(t, http.MethodGet, path, "")
		if a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: got %d %s", path, a.status, a.header.Get("Content-Type"))
		}
	}
	if a := p.do(t, http.MethodPost, "/oauth2/introspect", ""); a.status != http.StatusNotFound || a.text("message") == "" {
		t.Errorf("POST: got %d %s", a.status, a.body)
	}
}

// The resource is behind a Bearer check that says where to learn more.
func TestResource(t *testing.T) {
	const challenge = `Bearer resource_metadata="https://provider.example/.well-known/oauth-protected-resource/mcp"`
	p := start(t, legacy.Config{Resource: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.Method + " " + r.URL.Path))
	})})
	login := p.login(t, p.register(t))
	for _, authorization := range []string{"", "Bearer", "Bearer x", "Basic " + login.text("access_token"), "Bearer " + login.text("refresh_token")} {
		a := p.do(t, http.MethodPost, "/mcp", "", "Authorization", authorization)
		if a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") != challenge {
			t.Errorf("%q: got %d, %q", authorization, a.status, a.header.Get("WWW-Authenticate"))
		}
	}
	a := p.do(t, http.MethodPost, "/mcp/x", "", "Authorization", "bearer "+login.text("access_token"))
	if a.status != http.StatusOK || a.body != "POST /mcp/x" {
		t.Errorf("got %d %s", a.status, a.body)
	}
}
