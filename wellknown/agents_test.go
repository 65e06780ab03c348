package wellknown_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"oauthgw/wellknown"
)

func mcpURL(t *testing.T, text string) *wellknown.MCPURL {
	t.Helper()
	u := &wellknown.MCPURL{}
	if err := u.Set(text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return u
}

// TestIdentifiersOfCodex compares with the redirect URIs that Codex 0.171 sent for these URLs.
func TestIdentifiersOfCodex(t *testing.T) {
	for text, id := range map[string]string{
		"http://127.0.0.1:7811/mcp":       "/N7MPD1bOiXxS",
		"http://127.0.0.1:7812/mcp":       "/-BwUUV8lwwDw",
		"http://127.0.0.1:7821":           "/11B3mnE4Rm2i",
		"http://127.0.0.1:7822/":          "/QGGYu42M5e2P",
		"http://127.0.0.1:7823/mcp/":      "/dWfzQz_ocA5o",
		"http://127.0.0.1:7824/mcp?x=1":   "/QVVV9VEg20zJ",
		"http://127.0.0.1:7827/m%7ecp":    "/bw6Z0_YAHFT2",
		"http://127.0.0.1:7829/%C3%A9":    "/8sbLCq7035gg",
		"http://127.0.0.1:7852/mcp?a%20b": "/5G4_O2zzXLgg",
	} {
		for document, id := range map[string]string{sound: id, adding(sound, `"authorization_response_iss_parameter_supported":true`): ""} {
			md := parse(t, document)
			a := md.ReportAgents(md, mcpURL(t, text), nil, true)
			if a.RedirectURI != "http://127.0.0.1/callback"+id || a.Alias != "https://chatgpt.com/oauth/codex"+id+"/client.json" {
				t.Errorf("%s: got %s and %s, want %q", text, a.RedirectURI, a.Alias, id)
			}
		}
	}
}

// TestMCPURLs checks that only URLs are taken that clients do not change, but for the slash after
// an origin.
func TestMCPURLs(t *testing.T) {
	for text, want := range map[string]string{
		"https://gw.example": "https://gw.example/", "https://gw.example/": "https://gw.example/", "http://[::1]:80a": "", "http://[::1]:8080/mcp": "http://[::1]:8080/mcp",
		"https://gw.example/api/mcp/": "https://gw.example/api/mcp/", "https://gw.example:8443/m-c.p_1~(a)!$&'*+,;=:@?x=/?y": "https://gw.example:8443/m-c.p_1~(a)!$&'*+,;=:@?x=/?y",
		"": "", "mcp": "", "/mcp": "", "//gw.example/mcp": "", "ftp://gw.example/mcp": "", "https:gw.example": "", "https://": "", "https:///mcp": "", "https://:443/mcp": "",
		"HTTPS://gw.example/mcp": "", "https://GW.example/mcp": "", "https://gw.example:443/mcp": "", "http://gw.example:80/mcp": "", "https://gw.example:/mcp": "", "https://gw.example:0443/mcp": "",
		"https://gw.example:65536/mcp": "", "https://127.1/mcp": "", "https://0x7f.1/mcp": "", "https://user@gw.example/mcp": "", "https://@gw.example/mcp": "", "https://gw.example?x": "",
		"https://gw.example/mcp#": "", "https://gw.example/mcp#x": "", "https://gw.example/./mcp": "", "https://gw.example/a/../mcp": "", "https://gw.example/a/%2E%2e/mcp": "", "https://gw.example/..": "",
		"https://gw.example/a//mcp": "", "https://gw.example/m cp": "", " https://gw.example/mcp": "", "https://gw.example/mcp\n": "", "https://gw.example/\u00e9": "", "https://\u00e9.example/mcp": "",
		"https://gw.example/m%zz": "", "https://gw.example/a\\b": "", "https://gw.example/\"": "", "https://gw.example/mcp?'": "", "https://gw.example/{id}": "", "https://gw.example/mcp?\u202e": "",
	} {
		var u wellknown.MCPURL
		if err := u.Set(text); (err == nil) != (want != "") || u.String() != want {
			t.Errorf("%q: got %q, %v", text, u.String(), err)
		}
	}
}

func TestReportAgents(t *testing.T) {
	const resource, aboutResource = `{"resource":"https://gw.example/mcp","authorization_servers":["https://gw.example"]}`, "note: resource: Codex sends the parameter resource"
	noPKCE := strings.Replace(sound, `"S256"`, `"plain"`, 1)
	for name, test := range map[string]struct {
		document, resource      string // an empty resource: unknown
		fronted                 bool
		pkce, register, aliases bool
		want                    []string
	}{
		"no registration": {sound, resource, true, true, true, false, []string{"note: register: The provider has no registration endpoint", aboutResource}},
		"registration": {adding(sound, `"registration_endpoint":"https://gw.example/r"`), resource, true, true, false, false,
			[]string{"note: register: The provider registers clients, so agents may need no entry.", aboutResource}},
		"documents": {adding(sound, `"client_id_metadata_document_supported":true`), resource, true, true, true, true,
			[]string{"note: aliases: The metadata advertises client ID metadata documents, so Codex uses https://chatgpt.com/oauth/codex/", aboutResource}},
		"documents as text": {adding(sound, `"client_id_metadata_document_supported":"true"`), resource, true, true, true, false, []string{"note: register: The provider has no", aboutResource}},
		"no PKCE":           {noPKCE, resource, true, false, true, false, []string{"warning: PKCE: clients.CLIENT_ID: The provider's own metadata does not list S256 in ", "note: register", aboutResource}},
		"not fronted":       {sound, resource, false, true, true, false, []string{"problem: authorization_endpoint: The authorization endpoint is unknown or not at the origin", "note: register", aboutResource}},
		"no metadata":       {`{}`, resource, true, false, true, false, []string{"warning: PKCE", "problem: metadata: The provider has no metadata, so Codex does not find its endpoints", "note: register", aboutResource}},
		"no resource": {sound, `{}`, true, true, true, false, []string{"note: register",
			`warning: resource: The MCP server has no metadata (RFC 9728) at "/.well-known/oauth-protected-resource/mcp", so some agents do not find the authorization server. Serve it there. If oauthgw is in front of the MCP server, set resources: [{path: "/mcp"}].`, aboutResource}},
		"unknown resource":    {adding(sound, `"scopes_supported":["a"]`), "", true, true, true, false, []string{"note: register", `note: scope: Codex asks for all scopes that are listed: "a".`, aboutResource}},
		"scopes of provider":  {adding(sound, `"scopes_supported":["a","offline_access"]`), resource, true, true, true, false, []string{"note: register", `note: scope: Codex asks for all scopes that are listed: "a", "offline_access".`, aboutResource}},
		"scopes of resource":  {adding(sound, `"scopes_supported":["a","offline_access"]`), adding(resource, `"scopes_supported":["b"]`), true, true, true, false, []string{"note: register", `note: scope: Codex asks for all scopes that are listed: "b", "offline_access".`, aboutResource}},
		"offline_access once": {adding(sound, `"scopes_supported":["offline_access"]`), adding(resource, `"scopes_supported":["offline_access","b"]`), true, true, true, false, []string{"note: register", `note: scope: Codex asks for all scopes that are listed: "offline_access", "b".`, aboutResource}},
	} {
		md, server := parse(t, test.document), (*wellknown.Metadata)(nil)
		if test.resource != "" {
			found := parse(t, test.resource)
			server = &found
		}
		a := md.ReportAgents(md, mcpURL(t, "https://gw.example/mcp"), server, test.fronted)
		var got []string
		for _, f := range a.Findings {
			got = append(got, string(f.Severity)+": "+f.Subject+": "+f.Problem+" "+f.Fix)
		}
		if test.pkce {
			test.want = append([]string{"note: PKCE: The provider's own metadata lists S256"}, test.want...)
		}
		if !slices.EqualFunc(got, test.want, strings.HasPrefix) || a.PKCE != test.pkce || a.Register != test.register || a.Aliases != test.aliases {
			t.Errorf("%s: got %v %v %v\n%s", name, a.PKCE, a.Register, a.Aliases, strings.Join(got, "\n"))
		}
		if advertised := strings.Contains(a.Entry, "\n    aliases: ["+a.Alias+"]\n"); advertised != test.aliases || !strings.Contains(a.Entry, "aliases: ["+a.Alias+"]\n") {
			t.Errorf("%s: the entry is\n%s", name, a.Entry)
		}
	}
}

// TestH10PKCEOfTheProvidersOwnMetadata checks that metadata.patch does not silence the warning.
func TestH10PKCEOfTheProvidersOwnMetadata(t *testing.T) {
	noPKCE := strings.ReplaceAll(strings.Replace(sound, `"S256"`, `"plain"`, 1), "gw.example", "gateway.example")
	for name, test := range map[string]struct {
		document string
		clients  []string
		want     int
	}{
		"PKCE": {strings.ReplaceAll(sound, "gw.example", "gateway.example"), []string{"a"}, 0}, "no PKCE": {noPKCE, []string{"a", "b"}, 2}, "no client": {noPKCE, nil, 0},
		"no metadata": {"", []string{"a", "b"}, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := newProvider(sends(test.document))
			if test.document == "" {
				p = newProvider(status(404))
			}
			s := newHandler(t, p, func(c *wellknown.SourceConfig) {
				c.Agents.NeedPKCE = test.clients
				c.Patch = wellknown.Patch{Set: map[string]json.RawMessage{"code_challenge_methods_supported": []byte(`["S256"]`)}}
			})
			lines, err := s.source.Lint(t.Context(), paths)
			count := 0
			for _, line := range lines {
				if strings.Contains(line, ": The provider's own metadata does not list S256 in code_challenge_methods_supported. If the provider ignores PKCE, ") {
					count++
				}
			}
			if err != nil || count != test.want {
				t.Errorf("%s: %v\n%s", name, err, strings.Join(lines, "\n"))
			}
		})
	}
}
