package wellknown

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
	"oauthgw/internal/printable"
)

// MCPURL is the URL of an MCP server. It implements [flag.Value]. The zero value is no URL.
type MCPURL struct{ url.URL }

// plainURL matches URLs whose characters clients send as they are (WHATWG URL).
var plainURL = regexp.MustCompile(`^https?://[^/?#@\\]+(?:/[\w.~!$&'()*+,;=:@/%-]*(?:\?[\w.~!$&()*+,;=:@/?%-]*)?)?$`)

// Set implements [flag.Value]. It takes the normal form only, from whose bytes Codex derives
// identifiers, and adds the slash that this form has after an origin.
func (m *MCPURL) Set(text string) error {
	u, err := url.Parse(text)
	if err != nil || !plainURL.MatchString(text) || path.Clean("/"+u.Path) != "/"+strings.Trim(u.Path, "/") || u.Scheme+"://"+u.Host != origin.Serialize(u) {
		return errors.New("must be the http or https URL of an MCP server in normal form, such as https://login.example.com/mcp: " +
			"host in lower case, no default port, user or fragment, no empty or dot segments, and other characters than ASCII percent-encoded")
	}
	m.URL = *u
	m.Path = cmp.Or(u.Path, "/")
	return nil
}

// AgentReport says what agents without a secret, above all Codex 0.171, need to log in.
type AgentReport struct {
	URL         string   `json:"mcp_url"`
	RedirectURI string   `json:"redirect_uri"`    // of Codex, at any port
	Alias       string   `json:"alias"`           // URL of the client ID metadata document of Codex
	PKCE        bool     `json:"pkce_listed"`     // the provider's own metadata lists S256
	Register    bool     `json:"register_needed"` // the provider registers no clients
	Aliases     bool     `json:"aliases_needed"`  // the provider advertises client ID metadata documents
	Entry       string   `json:"entry,omitempty"` // of the configuration, in YAML; empty: it is there
	Findings    Findings `json:"findings"`
}

// ReportAgents returns what agents need for an MCP server. Published is the metadata as the provider
// wrote it. Resource is the metadata of the MCP server; nil: unknown. Fronted says that requests to
// the authorization endpoint lead through the gateway.
func (md Metadata) ReportAgents(published Metadata, mcp *MCPURL, resource *Metadata, fronted bool) AgentReport {
	const old = "http://127.0.0.1/callback" // of Codex 0.92
	id := ""
	if !md.namesResponseIssuer() { // Codex guards against mix-up by identifiers of the MCP server
		sum := sha256.Sum256([]byte(mcp.String()))
		id = "/" + base64.RawURLEncoding.EncodeToString(sum[:9])
	}
	a := AgentReport{URL: mcp.String(), RedirectURI: old + id, Alias: "https://chatgpt.com/oauth/codex" + id + "/client.json", Findings: published.lintPKCE("CLIENT_ID"),
		Register: md.Get(EndpointMember(clientauth.Registration)) == nil, Aliases: string(md.Get(memberDocuments)) == "true"}
	a.PKCE = a.Findings == nil
	a.Findings.AddIf(a.PKCE, Note, "PKCE", "The provider's own metadata lists S256, so it should check PKCE.", "To be sure, try a login with a wrong code_verifier: it must fail.")
	a.Findings.AddIf(md.Issuer() == "", Problem, "metadata", "The provider has no metadata, so Codex does not find its endpoints and cannot log in.", "Let the provider serve metadata (RFC 8414).")
	a.Findings.AddIf(!fronted, Problem, memberAuthorization, "The authorization endpoint is unknown or not at the origin that clients use, so oauthgw answers 503 to the logins of public clients.",
		"Serve it at that origin, set metadata.issuer: rewrite in oauthgw, or set endpoints, with endpoints.authorization.")
	a.Findings.AddIf(a.Aliases, Note, "aliases", "The metadata advertises client ID metadata documents, so Codex uses "+a.Alias+" as its client ID and never registers.",
		"If the provider accepts that, no entry is needed. Otherwise list the URL of every agent in aliases.")
	a.Findings.AddIf(!a.Aliases && a.Register, Note, "register", "The provider has no registration endpoint, so agents cannot register there.",
		"Set register: true. Add aliases only if an agent needs them: agents that know them never register once they are advertised, so an incomplete list locks them out.")
	a.Findings.AddIf(!a.Aliases && !a.Register, Note, "register", "The provider registers clients, so agents may need no entry.",
		"If the provider demands a secret from every client, add the entry. oauthgw then answers the registrations whose redirect URIs it lists.")
	scopes := md.Strings(memberScopes)
	if resource != nil {
		a.Findings.AddIf(resource.Get(memberServers) == nil, Warning, "resource", "The MCP server has no metadata (RFC 9728) at "+printable.Quote(Resource{Path: mcp.Path}.Location())+", so some agents do not find the authorization server.",
			fmt.Sprintf("Serve it there. If oauthgw is in front of the MCP server, set resources: [{path: %q}].", mcp.Path))
		if own := resource.Strings(memberScopes); own != nil { // Codex adds offline_access
			scopes = append(own, slices.DeleteFunc(scopes, func(s string) bool { return s != "offline_access" || slices.Contains(own, s) })...)
		}
	}
	a.Findings.AddIf(scopes != nil, Note, "scope", "Codex asks for all scopes that are listed: "+printable.QuoteAll(scopes)+".", "If the provider answers invalid_scope, set repair.requests.scope.")
	a.Findings.Add(Note, "resource", "Codex sends the parameter resource (RFC 8707). Metadata does not show whether the provider accepts it.",
		"If the provider answers invalid_target, or an error about resource, set repair.requests.remove: [resource].")
	a.Entry = fmt.Sprintf("clients:\n  CLIENT_ID: # a client of the provider for Codex alone, with these redirect URIs at any port\n    secret_file: /run/secrets/codex\n"+
		"    public: true\n    register: true\n    %saliases: [%s]\n    redirect_uris: [%s]\n# mcp-remote needs a client of its own, with redirect_uris: [http://localhost/oauth/callback]\n",
		map[bool]string{false: "# "}[a.Aliases], a.Alias, strings.Join(slices.Compact([]string{a.RedirectURI, old}), ", "))
	return a
}

// lintPKCE checks that the provider's own metadata lists S256, for clients whose secret is lent.
func (md Metadata) lintPKCE(ids ...string) (found Findings) {
	for _, id := range ids {
		found.AddIf(!slices.Contains(md.Strings(memberPKCE), "S256"), Warning, "PKCE",
			"clients."+id+": The provider's own metadata does not list S256 in "+memberPKCE+". If the provider ignores PKCE, nothing protects a stolen code, because oauthgw adds the secret.",
			"Ask the provider. If it checks PKCE, set clients."+id+".insecure_without_pkce: true. Otherwise remove public.")
	}
	return found
}

// lintUnfronted checks that clients with assertions can use a secret at no endpoint of the gateway.
func lintUnfronted(provider Metadata, m origin.Map, paths map[clientauth.Endpoint]string, a Agents) (found Findings) {
	m.AnyScheme = true
	for _, name := range clientauth.Endpoints() {
		_, fronted := paths[name]
		_, through := m.Move(provider.Text(EndpointMember(name)))
		found.AddIf(len(a.Algorithms) > 0 && through && !fronted && name != clientauth.Registration, Warning, EndpointMember(name),
			fmt.Sprintf("The metadata names %s, but endpoints.%s is missing, so clients with assertions can use a secret there.", EndpointMember(name), name),
			fmt.Sprintf("Set endpoints.%s to its path.", name))
	}
	return found
}

// ReportAgents returns [Metadata.ReportAgents] for the provider.
func (s *Source) ReportAgents(ctx context.Context, mcp *MCPURL, fronted bool) AgentReport {
	d, at, resource := &document{}, Resource{Path: mcp.Path}.Location(), (*Metadata)(nil)
	if e, err := s.metadata(ctx); err == nil {
		d = e.document
	}
	if origin.Same(&mcp.URL, s.URLMap(d.Issuer()).To) {
		resource = &cmp.Or(s.generated(d.Issuer())[at], &document{}).Metadata
		if e, _, err := s.get(ctx, at, resourceLocation, false); err == nil {
			resource = &e.document.Metadata
		}
	}
	return d.ReportAgents(d.published, mcp, resource, fronted)
}
