package wellknown

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
	"oauthgw/internal/printable"
)

const inMetadata = " at the provider, or with metadata.patch in oauthgw."

// Lint returns what makes clients fail that compare the issuer with start, the URL where they start.
func (md Metadata) Lint(start string) (found Findings) {
	md.lintIssuer(&found, start)
	md.lintResponseIssuer(&found, start)
	md.lintMembers(&found)
	md.lintValues(&found, start)
	return found
}

func (md Metadata) lintIssuer(found *Findings, start string) {
	issuer := md.Issuer()
	switch {
	case origin.Of(issuer) == nil || strings.ContainsAny(issuer, "?#"):
		found.Add(Problem, "issuer", "The issuer is missing, is not an http or https URL, or has a query or a fragment, so clients reject the metadata (RFC 8414 section 2).",
			"Set the issuer at the provider to the URL at which clients start.")
	case issuer != start:
		found.Add(Problem, "issuer", "Clients that start at "+printable.Quote(start)+" find the issuer "+printable.Quote(issuer)+" and reject it, because the two must be equal, even in a slash at the end (RFC 8414 section 3.3).",
			"Let clients start at the issuer, configure the URL as the provider's own, or set metadata.issuer: rewrite in oauthgw.")
	}
}

func (md Metadata) lintResponseIssuer(found *Findings, start string) {
	found.AddIf(md.namesResponseIssuer() && md.Issuer() != start, Warning, "issuer",
		"Authorization responses name the issuer "+printable.Quote(md.Issuer())+" (RFC 9207). Clients compare it with "+printable.Quote(start)+" and refuse to log in, even if the metadata is corrected.",
		"Let clients start at the issuer (metadata.issuer: preserve in oauthgw), or configure the URL as the provider's own.")
}

func (md Metadata) namesResponseIssuer() bool {
	return string(md.Get("authorization_response_iss_parameter_supported")) == "true"
}

func (md Metadata) lintMembers(found *Findings) {
	required, grants := []string{"response_types_supported", EndpointMember(clientauth.Token)}, md.Strings("grant_types_supported")
	// An absent list means that users log in (RFC 8414 section 2).
	interactive := grants == nil || slices.Contains(grants, "authorization_code") || slices.Contains(grants, "implicit")
	if interactive {
		required = append(required, memberAuthorization)
	}
	for _, member := range required {
		found.AddIf(md.Get(member) == nil, Problem, "metadata", "The metadata lacks "+member+", without which clients reject it (RFC 8414 section 2).", "Add it"+inMetadata)
	}
	severity, challenges := Problem, md.Strings(memberPKCE)
	if challenges == nil {
		severity = Warning // an absent list means no PKCE (RFC 8414 section 2)
	}
	found.AddIf(interactive && !slices.Contains(challenges, "S256"), severity, "metadata",
		"The metadata does not list S256 in "+memberPKCE+", so strict clients that use PKCE, such as MCP clients, refuse to log in.",
		"If the provider checks PKCE with S256, add it"+inMetadata)
	methods := MethodsMember(clientauth.Token)
	found.AddIf(slices.Contains(md.Strings(methods), "none") && md.Get(EndpointMember(clientauth.Registration)) != nil, Warning, "metadata",
		"The metadata lists the method none and a registration endpoint, so some clients register without a secret and never authenticate.",
		"If clients must hold a secret, set "+methods+inMetadata+" If this is oauthgw with public clients, do nothing.")
}

func (md Metadata) lintValues(found *Findings, start string) {
	var empty, plain, invalid, elsewhere []string
	here, severity := origin.Of(start), Note
	for _, m := range md.Members() {
		u := origin.Of(m.Text())
		switch isURL := m.Name == memberJWKS || strings.HasSuffix(m.Name, "_endpoint"); {
		case emptyArray.Match(m.Value):
			empty = append(empty, m.Name)
		case !isURL && m.Name != memberIssuer:
		case isURL && u == nil:
			invalid = append(invalid, m.Name)
		case u != nil && !origin.IsConfidential(u):
			plain = append(plain, m.Name)
		case isURL && here != nil && !origin.Same(u, here):
			elsewhere = append(elsewhere, m.Text())
			if slices.Contains(clientauth.Endpoints(), clientauth.Endpoint(strings.TrimSuffix(m.Name, "_endpoint"))) {
				severity = Warning
			}
		}
	}
	found.AddIf(empty != nil, Warning, "metadata",
		"The metadata has empty lists, which must be left out (RFC 8414 section 3.2): "+printable.QuoteAll(empty)+". Some clients reject them, others take them for no support at all.",
		"Remove them"+inMetadata)
	found.AddIf(invalid != nil, Problem, "metadata", "The metadata has members that must be absolute http or https URLs and are not: "+printable.QuoteAll(invalid)+". No client can use them.", "Correct them"+inMetadata)
	found.AddIf(plain != nil, Problem, "metadata",
		"The metadata has plain http URLs of another host: "+printable.QuoteAll(plain)+". Secrets and tokens can be read on the way, and strict clients reject them (RFC 6749 sections 3.1 and 3.2).",
		"Terminate TLS in front of the server, and use its https URL everywhere; in oauthgw set public_url to it.")
	found.AddIf(elsewhere != nil, severity, "metadata",
		fmt.Sprintf("The metadata sends clients to %s and not to %[2]s. If oauthgw serves %[2]s, these requests bypass it, and client credentials are not translated.", printable.QuoteAll(elsewhere), here),
		"Send the other name to oauthgw as well, or set public_url. If you cannot move the name, also set metadata.issuer: rewrite. If the provider intends this, do nothing.")
	login, issuer := origin.Of(md.Text(memberAuthorization)), origin.Of(md.Issuer())
	if login != nil && issuer != nil && !origin.Same(login, issuer) && !md.namesResponseIssuer() {
		found.Add(Warning, "metadata",
			"The authorization_endpoint is at "+printable.Quote(login.String())+" and the issuer at "+printable.Quote(issuer.String())+", so Codex and other clients that guard against mix-up refuse to log in (RFC 9700 section 4.4).",
			"Serve both at one origin.")
	}
}

// Lint returns the problems of the metadata that clients get, with what to do about each,
// if endpoints are fronted at the paths. It returns an error if there is no metadata, unless
// the provider has none and the endpoints are known without it.
func (s *Source) Lint(ctx context.Context, paths map[clientauth.Endpoint]string) ([]string, error) {
	for _, path := range s.locations {
		location, name := parseLocation(path)
		_, _, _ = s.get(ctx, location, name, false) // for the problems there
	}
	e, err := s.metadata(ctx)
	switch {
	case errors.Is(err, errNoMetadata) && len(paths) > 0:
		lines := append(s.failures(nil), Metadata{}.lintPKCE(s.config.Agents.NeedPKCE...).lines()...)
		lines = append(lines, "The provider has no metadata, so clients that discover the endpoints do not find them. Configure the endpoints in the clients.")
		return append(lines, s.lintResources(ctx, s.config.Expected)...), nil
	case err != nil:
		return nil, err
	}
	return append(s.problems(e.document, paths), s.lintResources(ctx, e.document.Issuer())...), nil
}

// problems is [Source.Lint] for one document, and for the locations whose last fetch failed.
func (s *Source) problems(d *document, paths map[clientauth.Endpoint]string) (lines []string) {
	provider, m := d.Metadata, s.urlMap(d.Issuer())
	served := d.Augment(m, paths, s.config.Passthrough, Agents{}) // what agents are offered is as configured
	start := served.Issuer()
	if m.To != nil && !origin.Same(origin.Of(start), m.To) {
		start = m.To.String()
	}
	found := append(lintEndpoints(provider, m, paths, s.config.Agents), lintUnfronted(provider, m, paths, s.config.Agents)...)
	provider.lintMethods(&found, cmp.Or(s.config.ProviderAuth, clientauth.Post), paths)
	found = append(found, served.Lint(start)...)
	provider.lintScopes(&found, s.config.Scopes)
	if served.Issuer() != provider.Issuer() {
		provider.lintRewritten(&found, served.Issuer(), paths)
	}
	found = append(found, d.published.lintPKCE(s.config.Agents.NeedPKCE...)...)
	return append(found.lines(), s.failures(d)...)
}

// lines returns a line for each finding but the notes.
func (f Findings) lines() (lines []string) {
	for _, f := range f {
		if f.Severity != Note {
			lines = append(lines, printable.Text(f.Problem+" "+f.Fix))
		}
	}
	return lines
}

// failures returns the problems of the locations whose last fetch failed, and of those whose
// document names no token endpoint, unlike the used one, if any.
func (s *Source) failures(used *document) (lines []string) {
	for _, location := range s.locations {
		f, _ := s.issuerCache.failures.Peek(location)
		e, cached := s.issuerCache.documents.Peek(location)
		d, then := (*Diagnosis)(nil), " "
		switch {
		case errors.As(f.err, &d) && used != nil:
			then = " Clients that look there get the metadata of another location, or 404. "
		case d == nil && cached && used != nil && s.hasToken(used) && !s.hasToken(e.document):
			d = errNoTokenEndpoint
		}
		if d != nil && !d.Absent {
			problem, fix := d.Sentences()
			lines = append(lines, location+": "+problem+then+fix)
		}
	}
	return lines
}

// lintEndpoints checks that the metadata names the fronted endpoints where they are.
func lintEndpoints(provider Metadata, m origin.Map, paths map[clientauth.Endpoint]string, a Agents) (found Findings) {
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		member, u := EndpointMember(name), provider.Endpoint(name)
		_, strictly := m.Move(provider.Text(member))
		_, through := origin.Map{From: m.From, To: m.To, AnyScheme: true}.Move(provider.Text(member))
		unchanged := "client credentials are not translated"
		if name == clientauth.Authorization {
			unchanged = "requests are neither checked nor repaired"
		}
		switch {
		case provider.Get(member) == nil && name == clientauth.Registration && a.Registers: // it is added
		case provider.Get(member) == nil:
			found.Add(Warning, member, fmt.Sprintf("endpoints.%s is fronted at %s, but the metadata does not name %s, so clients do not find it.", name, paths[name], member),
				fmt.Sprintf("Add it with metadata.patch, or remove endpoints.%s.", name))
		case through && !samePath(u.Path, paths[name]):
			found.Add(Warning, member, fmt.Sprintf("endpoints.%s is fronted at %s, but the metadata sends clients to %s, where %s.", name, paths[name], printable.Quote(u.Path), unchanged),
				fmt.Sprintf("Set endpoints.%s to that path.", name))
		case !through && name == clientauth.Authorization:
			found.Add(Warning, member, fmt.Sprintf("endpoints.%s is fronted at %s, but the metadata sends clients to %s, where %s.", name, paths[name], printable.Quote(provider.Text(member)), unchanged),
				"Correct public_url, or let it lead through oauthgw with metadata.issuer: rewrite.")
		case through && !strictly:
			found.Add(Warning, member, "The metadata names "+member+" with another scheme than https. oauthgw names it at "+m.To.String()+".",
				"Let the provider use https in its URLs; some read the scheme from X-Forwarded-Proto.")
		}
	}
	return found
}

// lintMethods checks that the provider reads client secrets where the gateway sends them.
func (md Metadata) lintMethods(found *Findings, sent clientauth.Method, paths map[clientauth.Endpoint]string) {
	other, place, otherPlace := clientauth.Basic, "form", "header"
	if sent == clientauth.Basic {
		other, place, otherPlace = clientauth.Post, "header", "form"
	}
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		member := MethodsMember(name)
		list := md.Strings(member)
		found.AddIf(md.takesNoSecret(member), Warning, member,
			member+" lists neither client_secret_post nor client_secret_basic, so the provider takes no client secret. oauthgw adds no method to the list, and translates no registration if this is the token endpoint.",
			fmt.Sprintf("If the provider reads client secrets from the %s, add %s to the list%s", place, sent, inMetadata))
		found.AddIf(slices.Contains(list, string(other)) && !slices.Contains(list, string(sent)), Problem, member,
			fmt.Sprintf("upstream.client_auth: %s lists %s without %s, so the provider may read client secrets from the %s only. oauthgw sends them in the %s.", member, other, sent, otherPlace, place),
			fmt.Sprintf("Set upstream.client_auth: %s. If the provider also reads the %s, add %s to the list with metadata.patch instead.", other, place, sent))
	}
}

// lintScopes checks the scopes that clients ask for only because of repair.requests.scope.
func (md Metadata) lintScopes(found *Findings, scopes []string) {
	listed := md.Strings(memberScopes)
	unlisted := slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return slices.Contains(listed, scope) })
	found.AddIf(listed != nil && len(unlisted) > 0, Warning, "scopes_supported",
		"repair.requests.scope lets clients ask for "+printable.QuoteAll(unlisted)+", which scopes_supported does not list. A provider that does not know a scope refuses the login with invalid_scope.",
		"Correct repair.requests.scope, or, if the provider knows the scope, add it to scopes_supported"+inMetadata)
}

// lintRewritten checks what still names the provider's own issuer after a rewrite.
func (md Metadata) lintRewritten(found *Findings, issuer string, paths map[clientauth.Endpoint]string) {
	md.lintResponseIssuer(found, issuer)
	found.AddIf(md.Get(memberJWKS) != nil || md.Get(memberIDTokenAlgs) != nil, Problem, "issuer",
		"ID tokens and JWT access tokens name the issuer "+printable.Quote(md.Issuer())+", which OpenID Connect clients compare with the rewritten one and then refuse to log in.",
		"Use metadata.issuer: preserve, or configure the public origin as the provider's own.")
	listsJWT := func(name clientauth.Endpoint) bool {
		return slices.ContainsFunc(md.Strings(MethodsMember(name)), isJWT)
	}
	found.AddIf(slices.ContainsFunc(slices.Collect(maps.Keys(paths)), listsJWT), Warning, "issuer",
		"Client assertions made from the rewritten metadata name the public origin as their audience, which the provider rejects unless it knows it.",
		"Use metadata.issuer: preserve for clients with private_key_jwt or client_secret_jwt, or let oauthgw verify private_key_jwt: set clients.CLIENT_ID.assertions.")
}
