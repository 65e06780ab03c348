package wellknown

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
	"oauthgw/internal/printable"
)

// Truth says, in a sentence each, what the metadata would tell clients that is
// not so, which of it strict clients refuse, and what to do. The paths are those
// that the gateway fronts. The error says that there is no metadata to judge.
func (s *Source) Truth(ctx context.Context, paths map[clientauth.Endpoint]string) ([]string, error) {
	e, err := s.metadata(ctx)
	if err != nil {
		return nil, err
	}
	return s.judge(Metadata{e.document.Object}, paths), nil
}

// judge is [Source.Truth] of one document.
func (s *Source) judge(md Metadata, paths map[clientauth.Endpoint]string) []string {
	t := truth{provider: md, front: s.front(md, md.Issuer(), paths), way: s.way(md.Issuer()), rewrite: s.Issuer == IssuerRewrite}
	t.served = md.Augment(t.front)
	t.endpoints(paths)
	t.issuer()
	t.rewritten()
	t.assertions()
	t.strictClients()
	return t.sentences
}

// truth is a judgement that is being made.
type truth struct {
	provider, served Metadata
	front            Front
	way              origin.Map
	rewrite          bool
	sentences        []string
}

// say adds a sentence, which is one line. What the provider chose is in quotation
// marks there, so that it does not read as words of ours.
func (t *truth) say(format string, args ...any) {
	t.sentences = append(t.sentences, printable.Text(fmt.Sprintf(format, args...)))
}

// endpoints judges whether clients that follow the document come by the
// gateway.
func (t *truth) endpoints(paths map[clientauth.Endpoint]string) {
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		member, u := endpointMember(name), t.provider.Endpoint(name)
		if _, fronted := t.front.Endpoints[name]; fronted {
			continue
		}
		switch _, through := t.way.Move(t.provider.Text(member)); {
		case u == nil && t.provider.Get(member) == nil:
			t.say("endpoints.%s is fronted at %s, but the metadata names no %s, so clients do not find it: add it with metadata.patch, or remove endpoints.%s.", name, paths[name], member, name)
		case u == nil:
			t.say("The %s in the metadata is no http or https URL, which no client can use: correct it with metadata.patch.", member)
		case through && path.Clean("/"+u.Path) != path.Clean("/"+paths[name]):
			t.say("endpoints.%s is fronted at %s, but the metadata sends clients to %s, where Basic is not translated: set endpoints.%s to that path.", name, paths[name], printable.Quote(u.Path), name)
		}
	}
	for _, name := range clientauth.Endpoints() {
		u := t.provider.Endpoint(name)
		if u == nil {
			continue
		}
		if _, through := t.way.Move(u.String()); !through {
			t.say("The %s in the metadata is at %s, which is not the origin that clients use (%s), so clients go around the gateway and Basic stays untranslated: let that name lead to the gateway, or set public_url, and metadata.issuer: rewrite if the name cannot be moved.", endpointMember(name), printable.Quote(origin.Of(u.String()).String()), t.way.To)
		}
	}
}

// issuer judges the identifier that clients compare with where they began (RFC
// 8414 section 3.3).
func (t *truth) issuer() {
	u := origin.Of(t.served.Issuer())
	if u == nil {
		t.say("The issuer is no http or https URL, so every client that follows RFC 8414 refuses the metadata: correct it at the provider.")
		return
	}
	if !origin.Same(u, t.way.To) {
		t.say("Clients that begin at %s find the issuer %s and refuse it, because the two must be equal: let clients begin at the issuer, or set metadata.issuer: rewrite.", t.way.To, printable.Quote(t.served.Issuer()))
	}
	full, err := url.Parse(t.served.Issuer())
	if err == nil && (full.RawQuery != "" || full.Fragment != "") {
		t.say("The issuer has a query or a fragment, which RFC 8414 section 2 forbids and strict clients refuse: correct it at the provider.")
	}
	if !origin.IsConfidential(u) {
		t.say("The issuer is plain http on another host, which strict clients refuse and on which secrets can be read: put TLS before the gateway and set public_url to the https origin.")
	}
}

// rewritten judges what does not move with the issuer, because the provider
// says it where the gateway does not look.
func (t *truth) rewritten() {
	if !t.rewrite || t.served.Issuer() == t.provider.Issuer() {
		return
	}
	before := printable.Quote(t.provider.Issuer())
	if string(t.provider.Get(memberResponseIssuer)) == "true" {
		t.say("Authorization responses name the issuer %s (RFC 9207), which clients compare with the rewritten one and then refuse the login: use metadata.issuer: preserve, or configure the public origin as the provider's own.", before)
	}
	if t.provider.Get(memberJWKS) != nil || t.provider.Get(memberIDTokenAlgs) != nil {
		t.say("ID tokens and JWT access tokens name the issuer %s, which OpenID Connect clients compare with the rewritten one and then refuse the login: use metadata.issuer: preserve, or configure the public origin as the provider's own.", before)
	}
	if slices.ContainsFunc(t.provider.texts(methodsMember(clientauth.Token)), isJWT) {
		t.say("Client assertions made from the rewritten metadata name the public origin as their audience, which the provider refuses unless it knows it: use metadata.issuer: preserve for clients with private_key_jwt or client_secret_jwt.")
	}
}

// assertions judges the algorithms beside the methods (RFC 8414 section 2).
func (t *truth) assertions() {
	for _, name := range []clientauth.Endpoint{clientauth.Token, clientauth.Revocation, clientauth.Introspection} {
		if slices.ContainsFunc(t.served.texts(methodsMember(name)), isJWT) && t.served.Get(algorithmsMember(name)) == nil {
			t.say("The metadata lists client assertions at the %s endpoint and no algorithms for them, which strict clients refuse: add %s with metadata.patch.", name, algorithmsMember(name))
		}
	}
}

// strictClients judges what clients in wide use demand of a document.
func (t *truth) strictClients() {
	for _, member := range []string{memberAuthorization, memberResponseTypes} {
		if t.served.Get(member) == nil {
			t.say("The metadata lacks %s, without which the MCP SDKs refuse it: add it with metadata.patch.", member)
		}
	}
	browser, issuer := origin.Of(t.served.Text(memberAuthorization)), origin.Of(t.served.Issuer())
	if browser != nil && issuer != nil && !origin.Same(browser, issuer) && string(t.served.Get(memberResponseIssuer)) != "true" {
		t.say("The authorization_endpoint is at %s and the issuer at %s, which Codex and other clients that guard against mix-up refuse: let both be on one origin.", printable.Quote(browser.String()), printable.Quote(issuer.String()))
	}
	if !slices.Contains(t.served.texts(memberPKCE), "S256") {
		t.say("The metadata does not list S256 in %s, without which MCP clients refuse to log in: if the provider checks PKCE, add it with metadata.patch.", memberPKCE)
	}
	if methods := t.served.texts(methodsMember(clientauth.Token)); slices.Contains(methods, "none") && t.provider.Get("registration_endpoint") != nil {
		t.say("The provider lists the method none beside registration, so some clients register without a secret and never authenticate: if that is not meant, set token_endpoint_auth_methods_supported with metadata.patch.")
	}
}
