package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/clients"
	"oauthgw/internal/config"
	"oauthgw/internal/printable"
	"oauthgw/metrics"
	"oauthgw/wellknown"
)

// CheckReport is the result of [Check]. oauthgw check prints its JSON.
type CheckReport struct {
	Valid    bool                  `json:"valid"`
	Errors   config.Errors         `json:"errors"`             // never nil
	Metadata *CheckMetadata        `json:"metadata,omitempty"` // nil: it was not checked
	Warnings []string              `json:"warnings,omitempty"`
	Agents   wellknown.AgentReport `json:"agents,omitzero"` // zero: not asked for
}

// CheckMetadata is the result of checking the metadata that the gateway would serve.
type CheckMetadata struct {
	Read     bool     `json:"read"`          // it could be fetched and used
	Err      string   `json:"err,omitempty"` // why not
	Problems []string `json:"problems"`      // never nil
}

// Check loads a configuration and reports its errors. If it has none, and not offline, Check
// also fetches the metadata and reports its problems. The error says that the gateway cannot
// use the configuration or the metadata; problems are no error. With the URL of an MCP server, Check
// also reports what agents need for it.
func Check(ctx context.Context, load func() (config.Settings, error), offline bool, mcp *wellknown.MCPURL) (CheckReport, error) {
	report := CheckReport{Errors: config.Errors{}}
	s, err := load()
	if err != nil {
		_ = errors.As(err, &report.Errors)
		return report, err
	}
	report.Valid, report.Warnings = true, s.Warnings(s.Listen)
	if offline {
		return report, nil
	}
	g := New(Config{Settings: s, Log: slog.New(slog.DiscardHandler), Metrics: metrics.New(metrics.Build{})})
	defer g.Close()
	problems, err := g.Lint(ctx)
	report.Metadata = &CheckMetadata{Read: err == nil, Problems: append([]string{}, problems...)}
	if err != nil {
		report.Metadata.Err = err.Error()
		return report, fmt.Errorf("upstream.url: the metadata of %s cannot be fetched or used for the following reasons; to check without it, set --offline\n%w", s.Upstream.URL, err)
	}
	if mcp.Host != "" {
		report.Agents = g.agents(ctx, mcp)
	}
	for _, p := range problems {
		if strings.HasPrefix(p, "upstream.client_auth: ") { // clients fail at all fronted endpoints
			err = errors.Join(err, errors.New(p))
		}
	}
	return report, err
}

// agents returns what agents need for an MCP server, and what the configured clients lack of it.
func (g *Gateway) agents(ctx context.Context, mcp *wellknown.MCPURL) wellknown.AgentReport {
	known, _ := g.Known()
	a := g.source.ReportAgents(ctx, mcp, known.Endpoints[clientauth.Authorization] != nil)
	table, entry := g.settings.Clients, clients.Client{}
	for _, c := range table.All() {
		// The operator may have listed it with the port that users configure in Codex.
		if c.Public && slices.ContainsFunc(c.RedirectURIs, func(uri string) bool { return clients.MatchesRedirect(a.RedirectURI, uri) }) {
			entry = c
		}
	}
	if entry.ID != "" { // these are about a new entry
		a.Findings = slices.DeleteFunc(a.Findings, func(f wellknown.Finding) bool { return f.Subject == "register" || f.Subject == "PKCE" && !a.PKCE })
	}
	add := func(key, problem, fix string) { a.Findings.Add(wellknown.Problem, "clients", key+": "+problem, fix) }
	switch advertised, key := a.Aliases || table.HasAliases(), "clients."+entry.ID; {
	case !table.HasPublic():
	case entry.ID == "":
		add("clients", "No public client lists the redirect URI "+a.RedirectURI+" of Codex.", "Add it to redirect_uris of the client for Codex, and at the provider.")
	case advertised && !slices.Contains(entry.Aliases, a.Alias):
		add(key+".aliases", "Codex does not register, because client ID metadata documents are advertised, and the list lacks its "+a.Alias+".", "Add it, or remove aliases from all clients.")
	case !advertised && !entry.Register:
		add(key+".register", "It is not set, so Codex gets no client ID.", "Set register: true, or give Codex the ID with --oauth-client-id.")
	default:
		a.Entry = ""
		a.Findings.Add(wellknown.Note, "clients", key+": The entry has what Codex needs.", "Its redirect_uris must be registered at the provider as well. If they have a port, users must set it in Codex as mcp_oauth_callback_port.")
	}
	return a
}

// String returns a line for each result but the errors.
func (r CheckReport) String() string {
	if !r.Valid {
		return ""
	}
	lines := []string{"the configuration is valid"}
	if r.Metadata != nil {
		lines = append(lines, r.Metadata.Problems...)
		if r.Metadata.Read && len(r.Metadata.Problems) == 0 {
			lines = append(lines, "metadata OK: no problems for strict clients")
		}
	}
	for _, warning := range r.Warnings {
		lines = append(lines, "warning: "+warning)
	}
	for _, f := range r.Agents.Findings {
		lines = append(lines, fmt.Sprintf("%s: %s %s", f.Severity, f.Problem, f.Fix))
	}
	lines = append(lines, strings.FieldsFunc(r.Agents.Entry, func(c rune) bool { return c == '\n' })...)
	for i, line := range lines {
		lines[i] = printable.Text(line) + "\n"
	}
	return strings.Join(lines, "")
}
