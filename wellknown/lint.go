package wellknown

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
	"oauthgw/internal/printable"
)

// Severity says how much a finding matters.
type Severity int

// The severities, the most severe first.
const (
	// Problem makes clients fail, or reveals their secrets.
	Problem Severity = iota
	// Warning makes some clients fail, or fails later.
	Warning
	// Note is worth knowing.
	Note
)

// String returns the severity as a word.
func (s Severity) String() string { return [...]string{"problem", "warning", "note"}[s] }

// MarshalText returns the severity as a word, for encoding/json.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is something that makes clients fail.
type Finding struct {
	Severity Severity `json:"severity"`
	// Subject is what the finding is about, such as the token endpoint.
	Subject string `json:"subject"`
	// Problem says in sentences what is wrong and what clients do about it.
	Problem string `json:"problem"`
	// Fix says what to do.
	Fix string `json:"fix"`
}

// Lint returns what makes clients fail that follow the metadata. They compare the
// issuer byte for byte with start, the URL at which they start.
func (md Metadata) Lint(start string) []Finding {
	return slices.Concat(md.lintIssuer(start), md.lintResponseIssuer(start), md.lintMembers(), md.lintMethods(), md.lintURLs(start))
}

// lintIssuer checks the issuer (RFC 8414 sections 2 and 3.3).
func (md Metadata) lintIssuer(start string) []Finding {
	issuer := md.Issuer()
	quoted, quotedStart := printable.Quote(issuer), printable.Quote(start)
	switch u, err := url.Parse(issuer); {
	case origin.Of(issuer) == nil:
		return []Finding{{Problem, "issuer", "The issuer is missing or is not an http or https URL, so clients reject the metadata (RFC 8414 section 2).",
			"Set the issuer at the provider to the URL at which clients start."}}
	case err == nil && (u.RawQuery != "" || u.Fragment != ""):
		return []Finding{{Problem, "issuer", "The issuer has a query or a fragment, which RFC 8414 section 2 forbids and strict clients reject.", "Correct it at the provider."}}
	case issuer == start:
		return nil
	case strings.TrimRight(issuer, "/") == strings.TrimRight(start, "/"):
		return []Finding{{Problem, "issuer", "The issuer is " + quoted + " and clients start at " + quotedStart + ". Only a slash at the end differs, but clients compare bytes (RFC 8414 section 3.3) and reject the metadata.",
			"Give clients the URL as the issuer is written, or change the issuer."}}
	}
	return []Finding{{Problem, "issuer", "Clients that start at " + quotedStart + " find the issuer " + quoted + " and reject it, because the two must be equal (RFC 8414 section 3.3).",
		"Let clients start at the issuer, configure the URL as the provider's own, or set metadata.issuer: rewrite in oauthgw."}}
}

// lintResponseIssuer checks the issuer that authorization responses name (RFC 9207).
func (md Metadata) lintResponseIssuer(start string) []Finding {
	if string(md.Get(memberResponseIssuer)) != "true" || md.Issuer() == start {
		return nil
	}
	return []Finding{{Warning, "issuer", "Authorization responses name the issuer " + printable.Quote(md.Issuer()) + " (RFC 9207). Clients compare it with " + printable.Quote(start) + " and refuse to log in, even if the metadata is corrected.",
		"Let clients start at the issuer (metadata.issuer: preserve in oauthgw), or configure the URL as the provider's own."}}
}

// lintMembers checks that the members are present that clients need (RFC 8414 section 2),
// and reports those that mislead.
func (md Metadata) lintMembers() (found []Finding) {
	add := func(s Severity, problem, fix string) { found = append(found, Finding{s, "metadata", problem, fix}) }
	required := []string{memberResponseTypes, endpointMember(clientauth.Token)}
	if md.isInteractive() {
		required = append(required, memberAuthorization)
	}
	for _, member := range required {
		if md.Get(member) == nil {
			add(Problem, "The metadata lacks "+member+", without which clients reject it (RFC 8414 section 2).", "Add it at the provider, or with metadata.patch in oauthgw.")
		}
	}
	if methods := md.Strings(memberPKCE); md.isInteractive() && !slices.Contains(methods, "S256") {
		severity := Problem
		if methods == nil {
			severity = Warning // an absent list means no PKCE (RFC 8414 section 2)
		}
		add(severity, "The metadata does not list S256 in "+memberPKCE+", so strict clients that use PKCE, such as MCP clients, refuse to log in.",
			"If the provider checks PKCE with S256, add it at the provider, or with metadata.patch in oauthgw.")
	}
	var empty []string
	for _, m := range md.Members() {
		if isEmptyArray(m.Value) {
			empty = append(empty, m.Name)
		}
	}
	if len(empty) > 0 {
		add(Warning, "The metadata has empty lists, which must be left out (RFC 8414 section 3.2): "+printable.QuoteAll(empty)+". Some clients reject them, others take them for no support at all.",
			"Remove them at the provider, or with metadata.patch in oauthgw.")
	}
	return found
}

// isInteractive reports whether users log in: whether a grant is listed that starts at
// the authorization endpoint. An absent list means that (RFC 8414 section 2).
func (md Metadata) isInteractive() bool {
	grants := md.Strings(memberGrantTypes)
	return grants == nil || slices.Contains(grants, "authorization_code") || slices.Contains(grants, "implicit")
}

// lintMethods checks the client authentication methods (RFC 8414 section 2).
func (md Metadata) lintMethods() (found []Finding) {
	for _, name := range []clientauth.Endpoint{clientauth.Token, clientauth.Revocation, clientauth.Introspection} {
		if slices.ContainsFunc(md.Strings(methodsMember(name)), isJWT) && md.Get(algorithmsMember(name)) == nil {
			found = append(found, Finding{Warning, "metadata", fmt.Sprintf("The metadata lists client assertions at the %s endpoint but no algorithms for them, so strict clients reject it.", name),
				"Add " + algorithmsMember(name) + " at the provider, or with metadata.patch in oauthgw."})
		}
	}
	if slices.Contains(md.Strings(methodsMember(clientauth.Token)), "none") && md.Get(endpointMember(clientauth.Registration)) != nil {
		found = append(found, Finding{Warning, "metadata", "The metadata lists the method none and a registration endpoint, so some clients register without a secret and never authenticate.",
			"If clients must hold a secret, set " + methodsMember(clientauth.Token) + " at the provider, or with metadata.patch in oauthgw."})
	}
	return found
}

// lintURLs checks where the metadata sends clients.
func (md Metadata) lintURLs(start string) (found []Finding) {
	add := func(s Severity, problem, fix string) { found = append(found, Finding{s, "metadata", problem, fix}) }
	var plain, invalid []string
	elsewhere, here := map[string][]string{}, origin.Of(start)
	for _, m := range md.Members() {
		u := origin.Of(md.Text(m.Name))
		switch isURL := m.Name == memberJWKS || strings.HasSuffix(m.Name, "_endpoint"); {
		case !isURL && m.Name != memberIssuer:
		case isURL && u == nil:
			invalid = append(invalid, m.Name)
		case u != nil && !origin.IsConfidential(u):
			plain = append(plain, m.Name)
		case isURL && here != nil && !origin.Same(u, here):
			elsewhere[u.String()] = append(elsewhere[u.String()], m.Name)
		}
	}
	if len(invalid) > 0 {
		add(Problem, "The metadata has members that must be absolute http or https URLs and are not: "+printable.QuoteAll(invalid)+". No client can use them.", "Correct them at the provider, or with metadata.patch in oauthgw.")
	}
	if len(plain) > 0 {
		add(Problem, "The metadata has plain http URLs of another host: "+printable.QuoteAll(plain)+". Secrets and tokens can be read on the way, and strict clients reject them (RFC 6749 sections 3.1 and 3.2).",
			"Terminate TLS in front of the server, and use its https URL everywhere; in oauthgw set public_url to it.")
	}
	for _, at := range slices.Sorted(maps.Keys(elsewhere)) {
		severity := Note
		if slices.ContainsFunc(clientauth.Endpoints(), func(name clientauth.Endpoint) bool {
			return slices.Contains(elsewhere[at], endpointMember(name))
		}) {
			severity = Warning
		}
		add(severity, fmt.Sprintf("The metadata sends clients to %s and not to %s: %s. They bypass a gateway at the latter, and Basic is not translated.", printable.Quote(at), here, printable.QuoteAll(elsewhere[at])),
			"If oauthgw serves the latter, let the other name lead to it as well, or set public_url, and metadata.issuer: rewrite if the name cannot be moved. If the provider intends this, nothing.")
	}
	login, issuer := origin.Of(md.Text(memberAuthorization)), origin.Of(md.Issuer())
	if login != nil && issuer != nil && !origin.Same(login, issuer) && string(md.Get(memberResponseIssuer)) != "true" {
		add(Warning, "The authorization_endpoint is at "+printable.Quote(login.String())+" and the issuer at "+printable.Quote(issuer.String())+", so Codex and other clients that guard against mix-up refuse to log in (RFC 9700 section 4.4).",
			"Serve both at one origin.")
	}
	return found
}

// Lint returns the problems of the metadata that clients get, with what to do about
// each, if the gateway fronts the endpoints at the given paths. It returns an error if
// there is no metadata.
func (s *Source) Lint(ctx context.Context, paths map[clientauth.Endpoint]string) ([]string, error) {
	e, err := s.metadata(ctx)
	if err != nil {
		return nil, err
	}
	return s.problems(Metadata{e.document.Object}, paths), nil
}

// problems is [Source.Lint] for one document.
func (s *Source) problems(provider Metadata, paths map[clientauth.Endpoint]string) (lines []string) {
	served := provider.Augment(s.overrides(provider, provider.Issuer(), paths))
	m := s.urlMap(provider.Issuer())
	start := served.Issuer()
	if m.To != nil && !origin.Same(origin.Of(start), m.To) {
		start = m.To.String()
	}
	findings := lintEndpoints(provider, m, paths)
	findings = append(findings, served.Lint(start)...)
	if served.Issuer() != provider.Issuer() {
		findings = append(findings, lintRewritten(provider, served.Issuer())...)
	}
	for _, f := range findings {
		if f.Severity < Note {
			lines = append(lines, printable.Text(f.Problem+" "+f.Fix))
		}
	}
	return lines
}

// lintEndpoints checks that the metadata names the fronted endpoints where they are.
func lintEndpoints(provider Metadata, m origin.Map, paths map[clientauth.Endpoint]string) (found []Finding) {
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		member, u := endpointMember(name), provider.Endpoint(name)
		_, through := m.Move(provider.Text(member))
		switch {
		case provider.Get(member) == nil:
			found = append(found, Finding{Warning, member, fmt.Sprintf("endpoints.%s is fronted at %s, but the metadata does not name %s, so clients do not find it.", name, paths[name], member),
				fmt.Sprintf("Add it with metadata.patch, or remove endpoints.%s.", name)})
		case through && path.Clean("/"+u.Path) != path.Clean("/"+paths[name]):
			found = append(found, Finding{Warning, member, fmt.Sprintf("endpoints.%s is fronted at %s, but the metadata sends clients to %s, where Basic is not translated.", name, paths[name], printable.Quote(u.Path)),
				fmt.Sprintf("Set endpoints.%s to that path.", name)})
		}
	}
	return found
}

// lintRewritten checks what still names the provider's own issuer after a rewrite.
func lintRewritten(provider Metadata, issuer string) []Finding {
	const fix = "Use metadata.issuer: preserve, or configure the public origin as the provider's own."
	found := provider.lintResponseIssuer(issuer)
	if provider.Get(memberJWKS) != nil || provider.Get(memberIDTokenAlgs) != nil {
		found = append(found, Finding{Problem, "issuer", "ID tokens and JWT access tokens name the issuer " + printable.Quote(provider.Issuer()) + ", which OpenID Connect clients compare with the rewritten one and then refuse to log in.", fix})
	}
	if slices.ContainsFunc(provider.Strings(methodsMember(clientauth.Token)), isJWT) {
		found = append(found, Finding{Warning, "issuer", "Client assertions made from the rewritten metadata name the public origin as their audience, which the provider rejects unless it knows it.",
			"Use metadata.issuer: preserve for clients with private_key_jwt or client_secret_jwt."})
	}
	return found
}
