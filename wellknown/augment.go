package wellknown

import (
	"cmp"
	"encoding/json"
	"path"
	"regexp"
	"slices"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
	"oauthgw/internal/origin"
)

// Augment returns the metadata with its URLs moved and, for the endpoints that are
// fronted at the given paths and lead through the gateway, both methods that present a
// client secret. The authorization endpoint moves if it or other paths lead through the gateway:
// clients that guard against mix-up (RFC 9700 section 4.4) want it on the issuer's origin. A
// URL that differs from that origin in the scheme only moves there too, except for the issuer.
func (md Metadata) Augment(m origin.Map, paths map[clientauth.Endpoint]string, passthrough bool, a Agents) Metadata {
	// RFC 8414 section 3.2: members with zero elements are omitted.
	out := Metadata{md.Without(func(m jsonobject.Member) bool { return emptyArray.Match(m.Value) })}.moved(memberIssuer, m)
	m.AnyScheme = true
	if _, fronted := paths[clientauth.Authorization]; passthrough || fronted {
		out = out.moved(memberAuthorization, m)
	}
	for _, name := range clientauth.Endpoints() {
		if md.isFronted(name, m, paths) {
			at, _ := m.Move(md.Text(EndpointMember(name)))
			out = out.moved(EndpointMember(name), m).withMethods(name).withoutAlias(name, at)
		}
	}
	return out.withAgents(a, m, paths).unsigned(md)
}

// isFronted reports whether an endpoint is the one that is fronted, and leads through the gateway. In
// the metadata of another issuer it may be another one.
func (md Metadata) isFronted(name clientauth.Endpoint, m origin.Map, paths map[clientauth.Endpoint]string) bool {
	fronted, ok := paths[name]
	_, through := m.Move(md.Text(EndpointMember(name)))
	return ok && through && samePath(md.Endpoint(name).Path, fronted)
}

// Agents is what the gateway offers to clients that hold no secret.
type Agents struct {
	Public    bool     // they may use PKCE alone (the method none)
	Documents bool     // they may present the URL of a client ID metadata document
	Registers bool     // the gateway registers them, if the provider registers no clients
	NeedPKCE  []string // the IDs of the clients whose codes only PKCE protects
}

// withAgents adds what is offered, if the authorization endpoint, where logins begin, is fronted.
func (md Metadata) withAgents(a Agents, m origin.Map, paths map[clientauth.Endpoint]string) Metadata {
	if !md.isFronted(clientauth.Authorization, m, paths) {
		return md
	}
	for _, name := range []clientauth.Endpoint{clientauth.Token, clientauth.Revocation} {
		list := md.Strings(MethodsMember(name))
		if a.Public && md.isFronted(name, m, paths) && list != nil && !md.takesNoSecret(MethodsMember(name)) && !slices.Contains(list, string(clientauth.None)) {
			md = md.with(MethodsMember(name), append(list, string(clientauth.None)))
		}
	}
	if a.Documents {
		md = md.with(memberDocuments, true)
	}
	if member := EndpointMember(clientauth.Registration); a.Registers && md.Get(member) == nil && m.To != nil {
		md = md.with(member, m.To.String()+paths[clientauth.Registration])
	}
	return md
}

func samePath(p, q string) bool { return path.Clean("/"+p) == path.Clean("/"+q) }

func (md Metadata) moved(member string, m origin.Map) Metadata {
	from := md.Text(member)
	if to, _ := m.Move(from); to != from {
		return md.with(member, to)
	}
	return md
}

var emptyArray = regexp.MustCompile(`^\[\s*\]$`)

// withMethods lists both methods that present a client secret, whichever of the two the provider
// reads. An absent list means that the methods of introspection are not known, and elsewhere
// client_secret_basic (RFC 8414 section 2).
func (md Metadata) withMethods(name clientauth.Endpoint) Metadata {
	member := MethodsMember(name)
	value, list := md.Get(member), md.Strings(member)
	if member == "" || value != nil && list == nil || value == nil && name == clientauth.Introspection {
		return md
	}
	missing := slices.DeleteFunc([]string{string(clientauth.Post), string(clientauth.Basic)}, func(m string) bool { return slices.Contains(list, m) })
	if len(missing) > 0 && !md.takesNoSecret(member) {
		md = md.with(member, append(list, missing...))
	}
	return md.withAlgorithms(name, list)
}

// takesNoSecret reports whether a list of methods has some and none that presents a secret.
func (md Metadata) takesNoSecret(methods string) bool {
	list := md.Strings(methods)
	return len(list) > 0 && !slices.Contains(list, string(clientauth.Post)) && !slices.Contains(list, string(clientauth.Basic))
}

// withAlgorithms removes the algorithms of client assertions if no method uses them,
// and the algorithm none (RFC 8414 section 2).
func (md Metadata) withAlgorithms(name clientauth.Endpoint, methods []string) Metadata {
	member := string(name) + "_endpoint_auth_signing_alg_values_supported"
	list := md.Strings(member)
	signed := slices.DeleteFunc(slices.Clone(list), func(alg string) bool { return alg == "none" })
	switch {
	case !slices.ContainsFunc(methods, isJWT), len(list) > 0 && len(signed) == 0:
		return md.without(member)
	case len(signed) < len(list):
		return md.with(member, signed)
	}
	return md
}

func isJWT(method string) bool { return method == "private_key_jwt" || method == "client_secret_jwt" }

// withoutAlias removes the alias of a fronted endpoint, which leads around the gateway:
// clients with a certificate prefer it (RFC 8705 section 5).
func (md Metadata) withoutAlias(name clientauth.Endpoint, at string) Metadata {
	alias := EndpointMember(name)
	aliases, err := jsonobject.Parse(md.Get(memberAliases))
	others := Metadata{aliases}.without(alias)
	switch {
	case err == nil && (aliases.Get(alias) == nil || aliases.Text(alias) == at):
		return md
	case len(others.Members()) == 0: // or absent, or not an object
		return md.without(memberAliases)
	}
	return md.with(memberAliases, json.RawMessage(others.Encode()))
}

// augmented returns the metadata that clients get for a document. A document that
// names another issuer does not make that issuer's origin the gateway's.
func (s *Source) augmented(d *document, issuer string, paths map[clientauth.Endpoint]string) Metadata {
	return d.Augment(s.urlMap(cmp.Or(issuer, d.Issuer())), paths, s.config.Passthrough, s.config.Agents)
}

// urlMap returns [Source.URLMap] for metadata, where URLs move only if the issuer is rewritten.
func (s *Source) urlMap(issuer string) origin.Map {
	m := s.URLMap(issuer)
	if !s.config.Rewrite {
		m.From = nil
	}
	return m
}

// moveResource returns the metadata of a protected resource (RFC 9728) with the issuer
// and the resource identifier at the public origin. Clients compare both (section 3.3).
func moveResource(resource Metadata, m origin.Map) Metadata {
	if m.From == nil { // the issuer is not rewritten
		return resource
	}
	out := resource.moved(memberResource, m).without(memberSigned)
	servers := out.Strings(memberServers)
	for i, server := range servers {
		servers[i], _ = m.Move(server)
	}
	if len(servers) == 0 {
		return out
	}
	return out.with(memberServers, servers)
}
