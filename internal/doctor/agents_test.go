package doctor_test

import (
	"slices"
	"strings"
	"testing"

	"oauthgw/internal/doctor"
	"oauthgw/wellknown"
)

// TestAgents checks that the doctor reads the metadata of the MCP server, at its own origin, and
// sends nothing else there.
func TestAgents(t *testing.T) {
	s := newServer(t, func(*server) {})
	resource := `{"resource":"` + s.URL + `/mcp","authorization_servers":["` + s.URL + `"],"scopes_supported":["read"]}`
	here := newServer(t, func(s *server) { s.pages = map[string]page{resourcePath + "/mcp": document(resource)} })
	for name, test := range map[string]struct {
		at     *server
		change func(*server)
		want   []string // the start of each finding
	}{
		"same origin": {s, func(s *server) { s.pages[resourcePath+"/mcp"] = document(resource) },
			[]string{"note: PKCE", "note: register: The provider has no registration endpoint", `note: scope: Codex asks for all scopes that are listed: "read".`, "note: resource: Codex sends"}},
		"other origin": {here, func(*server) {},
			[]string{"note: PKCE", "note: register: The provider has no registration endpoint", `note: scope: Codex asks for all scopes that are listed: "read".`, "note: resource: Codex sends"}},
		"no metadata of the resource": {s, func(*server) {}, []string{`warning: resource: The MCP server has no metadata (RFC 9728) at "/.well-known/oauth-protected-resource/mcp"`, "note: PKCE", "note: register", "note: resource: Codex sends"}},
		"another authorization server": {s, func(s *server) {
			s.pages[resourcePath+"/mcp"] = document(strings.ReplaceAll(resource, s.URL+`"]`, `https://b"]`))
		},
			[]string{`problem: /.well-known/oauth-protected-resource/mcp: The protected resource sends clients to "https://b".`, "note: PKCE", "note: register", "note: scope", "note: resource"}},
		"no PKCE": {s, func(s *server) { s.replace("S256", "plain") }, []string{"problem: metadata: The metadata does not list S256", "warning: PKCE: clients.CLIENT_ID: ", "warning: resource", "note: register", "note: resource"}},
		"authorization endpoint elsewhere": {s, func(s *server) { s.replace(s.URL+"/authorize", "https://b/authorize") },
			[]string{"problem: authorization_endpoint: The authorization endpoint is unknown or not at the origin", "warning: metadata: The authorization_endpoint is at", "warning: resource", "note: metadata: The metadata sends clients to", "note: PKCE", "note: register", "note: resource"}},
	} {
		s.pages = map[string]page{asPath: document(s.metadata())}
		test.change(s)
		here.requests = nil
		c := doctor.Config{URL: s.URL}
		if err := c.MCPURL.Set(test.at.URL + "/mcp"); err != nil {
			t.Fatal(err)
		}
		r := examine(t, c)
		if got := strings.Split(strings.TrimSpace(text(r)), "\n"); !slices.EqualFunc(got, test.want, strings.HasPrefix) {
			t.Errorf("%s: found\n%s", name, text(r))
		}
		if !slices.Contains(r.Tested, doctor.Tested{Method: "GET", URL: test.at.URL + resourcePath + "/mcp"}) || len(here.requests) > 1 {
			t.Errorf("%s: tested %v, and sent %q", name, r.Tested, here.requests)
		}
		if !strings.Contains(r.String(), "\n\nclients:\n  CLIENT_ID:") || !strings.Contains(r.String(), r.Agents.RedirectURI) {
			t.Errorf("%s: the report is\n%s", name, r)
		}
	}
	if r := examine(t, doctor.Config{URL: s.URL}); r.Agents.URL != "" || strings.Contains(r.String(), "CLIENT_ID") || slices.ContainsFunc(r.Findings, func(f wellknown.Finding) bool { return f.Subject == "register" }) {
		t.Errorf("without an MCP server: %s", r)
	}
}
