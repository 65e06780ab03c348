package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oauthgw/internal/gateway"
	"oauthgw/wellknown"
)

// noPKCE is honest metadata without S256.
var noPKCE = strings.Replace(honest, `"S256"`, `"plain"`, 1) + `,"registration_endpoint":"https://a/r"}`

// providerSecret returns the name of a file with a secret.
func providerSecret(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	writeFile(t, file, "0123456789abcdef\n")
	return file
}

// publicClients returns a configuration with public clients, given as ID and further keys.
func publicClients(t *testing.T, clients ...[2]string) string {
	t.Helper()
	secret, text := providerSecret(t), "clients:\n"
	for i, c := range clients {
		text += fmt.Sprintf("  %s: {secret_file: %s, public: true, redirect_uris: [\"http://127.0.0.1/%d\"]%s}\n", c[0], secret, i, c[1])
	}
	return text
}

// TestH10CheckWarnsWithoutPKCE checks that check warns of each public client if the provider's own
// metadata lacks S256, whatever metadata.patch adds, and if it cannot check their logins.
func TestH10CheckWarnsWithoutPKCE(t *testing.T) {
	const unchecked = "clients: the secrets of public clients are not lent, and their requests are answered with 503, because the metadata names no authorization_endpoint on the origin"
	for name, test := range map[string]struct{ document, config, without, unchecked string }{
		"S256":             {honest + `}`, publicClients(t, [2]string{"one", ""}), "", ""},
		"no S256":          {noPKCE, publicClients(t, [2]string{"one", ""}, [2]string{"two", ", insecure_without_pkce: true"}, [2]string{"three", ""}), "one three", ""},
		"patched":          {noPKCE, publicClients(t, [2]string{"one", ""}) + `metadata: {patch: {set: {code_challenge_methods_supported: ["S256"]}}}`, "one", ""},
		"silenced":         {noPKCE, publicClients(t, [2]string{"one", ", insecure_without_pkce: true"}), "", ""},
		"no public client": {noPKCE, "clients: {one: {provider_auth: client_secret_basic}}\n", "", ""},
		"no metadata":      {"", "endpoints: {token: /t, authorization: /a}\n" + publicClients(t, [2]string{"one", ""}), "one", ""},
		"elsewhere":        {strings.Replace(honest, "https://a/a", "https://b/a", 1) + `}`, publicClients(t, [2]string{"one", ""}), "", unchecked},
	} {
		file := filepath.Join(t.TempDir(), "oauthgw.yaml")
		writeFile(t, file, "upstream: {url: "+startMetadataProvider(t, test.document)+"}\n"+test.config)
		out, _, err := invoke(t, "check", "--config.file="+file)
		for _, id := range []string{"one", "two", "three"} {
			want := strings.Contains(" "+test.without+" ", " "+id+" ")
			if got := strings.Contains(out, "\nclients."+id+": The provider's own metadata does not list S256 in code_challenge_methods_supported."); got != want {
				t.Errorf("%s: %s: got %v", name, id, got)
			}
		}
		if err != nil || strings.Contains(out, "503") != (test.unchecked != "") || !strings.Contains(out, test.unchecked) || strings.Contains(out, "never authenticate") {
			t.Errorf("%s: got %v\n%s", name, err, out)
		}
	}
}

// TestH10StartWarnsWithoutPKCE checks that the service logs the same warning.
func TestH10StartWarnsWithoutPKCE(t *testing.T) {
	p := startProgram(t, startMetadataProvider(t, noPKCE), "public_url: https://a\n"+publicClients(t, [2]string{"one", ""}))
	eventually(t, "the warning", func() bool {
		return strings.Contains(p.log.String(), `"msg":"metadata problem","problem":"clients.one: The provider's own metadata does not list S256 in`)
	})
}

// TestCheckReportsWhatAgentsNeed checks that check names the key that is missing for Codex, and that
// the entry that it prints is complete.
func TestCheckReportsWhatAgentsNeed(t *testing.T) {
	const mcp, alias = "https://a/mcp", "https://chatgpt.com/oauth/codex/CwkrpmlhFpeS/client.json"
	listing := func(keys string) string {
		return strings.Replace(publicClients(t, [2]string{"codex", keys}), "127.0.0.1/0", "127.0.0.1/callback/CwkrpmlhFpeS", 1)
	}
	for name, test := range map[string]struct{ document, config, want string }{
		"no clients":        {honest + `}`, "", ""},
		"no redirect URI":   {honest + `}`, publicClients(t, [2]string{"codex", ", register: true"}), "clients: No public client lists the redirect URI http://127.0.0.1/callback/CwkrpmlhFpeS of Codex."},
		"a port":            {honest + `}`, strings.Replace(listing(", register: true"), "127.0.0.1/", "127.0.0.1:1/", 1), "complete"},
		"another host":      {honest + `}`, strings.Replace(listing(", register: true"), "127.0.0.1/", "localhost/", 1), "clients: No public client lists the redirect URI"},
		"no PKCE":           {noPKCE, listing(", register: true, insecure_without_pkce: true"), "complete"},
		"not public":        {honest + `}`, "clients: {a: {provider_auth: client_secret_basic}}\n", ""},
		"no register":       {honest + `}`, listing(""), "clients.codex.register: It is not set, so Codex gets no client ID."},
		"register":          {honest + `}`, listing(", register: true"), "complete"},
		"another alias":     {honest + `}`, listing(", register: true, aliases: [\"https://b/client.json\"]"), "clients.codex.aliases: Codex does not register, because client ID metadata documents are advertised, and the list lacks its " + alias},
		"alias":             {honest + `}`, listing(", aliases: [\"" + alias + "\"]"), "complete"},
		"provider has them": {honest + `,"client_id_metadata_document_supported":true}`, listing(", register: true"), "clients.codex.aliases: Codex does not register"},
		"RFC 9207":          {honest + `,"authorization_response_iss_parameter_supported":true}`, listing(", register: true"), "clients: No public client lists the redirect URI http://127.0.0.1/callback of Codex."},
	} {
		file := filepath.Join(t.TempDir(), "oauthgw.yaml")
		upstream := "upstream: {url: " + startMetadataProvider(t, test.document) + "}\n"
		writeFile(t, file, upstream+test.config)
		report := checkForAgents(t, file, mcp)
		if entry, problem := report.Agents.Entry, problemForAgents(report); (entry == "") != (test.want == "complete") || problem != "" && test.want == "" || test.want != "complete" && !strings.HasPrefix(problem, test.want) {
			t.Errorf("%s: got %q\n%s", name, problem, entry)
		}
		if test.want == "complete" {
			if last := report.Agents.Findings[len(report.Agents.Findings)-1]; last.Problem != "clients.codex: The entry has what Codex needs." {
				t.Errorf("%s: got %+v", name, last)
			}
			if i := slices.IndexFunc(report.Agents.Findings, func(f wellknown.Finding) bool {
				return f.Subject == "register" || strings.Contains(f.Problem, "CLIENT_ID")
			}); i >= 0 {
				t.Errorf("%s: although there is an entry: %+v", name, report.Agents.Findings[i])
			}
			continue
		}
		writeFile(t, file, upstream+strings.Replace(report.Agents.Entry, "/run/secrets/codex", providerSecret(t), 1))
		if report = checkForAgents(t, file, mcp); report.Agents.Entry != "" || problemForAgents(report) != "" {
			t.Errorf("%s: the printed entry lacks something: %+v", name, report.Agents)
		}
	}
}

// TestCheckLooksForTheMetadataOfTheMCPServer checks that check looks behind the gateway only.
func TestCheckLooksForTheMetadataOfTheMCPServer(t *testing.T) {
	for name, test := range map[string]struct {
		config, mcp string
		missing     bool
	}{
		"none":           {"", "https://a/mcp", true},
		"configured":     {"resources: [{path: /mcp}]\n", "https://a/mcp", false},
		"another one":    {"resources: [{path: /other}]\n", "https://a/mcp", true},
		"another origin": {"", "https://b/mcp", false},
		"public origin":  {"public_url: https://b\nmetadata: {issuer: rewrite}\n", "https://b/mcp", true},
		"provider's own": {"", "https://a/own", false},
		"with a slash":   {"", "https://a/own/", false},
		"an origin":      {"", "https://a", true},
	} {
		file := filepath.Join(t.TempDir(), "oauthgw.yaml")
		provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			documents := map[string]string{"/.well-known/oauth-authorization-server": honest + `}`,
				"/.well-known/oauth-protected-resource/own": `{"resource":"https://a/own","authorization_servers":["https://a"]}`}
			if documents[r.URL.Path] == "" {
				http.NotFound(w, r)
				return
			}
			_, _ = io.WriteString(w, documents[r.URL.Path])
		}))
		writeFile(t, file, "upstream: {url: "+provider.URL+"}\n"+test.config)
		missing := slices.ContainsFunc(checkForAgents(t, file, test.mcp).Agents.Findings, func(f wellknown.Finding) bool {
			return strings.HasPrefix(f.Problem, "The MCP server has no metadata (RFC 9728) at ")
		})
		if missing != test.missing {
			t.Errorf("%s: got %v", name, missing)
		}
		provider.Close()
	}
}

// checkForAgents returns the report of check about a configuration and an MCP server.
func checkForAgents(t *testing.T, file, mcp string) (report gateway.CheckReport) {
	t.Helper()
	out, _, err := invoke(t, "check", "--format=json", "--config.file="+file, "--mcp-url="+mcp)
	if err != nil || json.Unmarshal([]byte(out), &report) != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return report
}

func problemForAgents(report gateway.CheckReport) string {
	for _, f := range report.Agents.Findings {
		if f.Severity == "problem" && f.Subject == "clients" {
			return f.Problem
		}
	}
	return ""
}
