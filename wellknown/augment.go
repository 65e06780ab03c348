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
// client secret, and private_key_jwt if the gateway verifies assertions. The authorization endpoint
// moves if it or other paths lead through the gateway: clients that guard against mix-up (RFC 9700
// section 4.4) want it on the issuer's origin. A URL that differs from that origin in the scheme
// only moves there too, except for the issuer.
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
			out = out.moved(EndpointMember(name), m).withMethods(name, a.Algorithms).withoutAlias(name, at)
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
	Public     bool     // they may use PKCE alone (the method none)
	Documents  bool     // they may present the URL of a client ID metadata document
	Registers  bool     // the gateway registers them, if the provider registers no clients
	NeedPKCE   []string // the IDs of the clients whose codes only PKCE protects
	Algorithms []string // of client assertions that the gateway verifies; nil: it verifies none
}

// withAgents adds what is offered to agents, if the authorization endpoint, where logins begin, is fronted.
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
// reads, and private_key_jwt if the gateway verifies assertions by some algorithms. An absent list
// means that the methods of introspection are not known, and elsewhere client_secret_basic (RFC 8414
// section 2).
func (md Metadata) withMethods(name clientauth.Endpoint, verified []string) Metadata {
	member := MethodsMember(name)
	value, list := md.Get(member), md.Strings(member)
	if member == "" || value != nil && list == nil || value == nil && name == clientauth.Introspection {
		return md
	}
	if md.takesNoSecret(member) {
		return md.withAlgorithms(name, list, nil)
	}
	added := []string{string(clientauth.Post), string(clientauth.Basic)}
	if verified != nil {
		added = append(added, string(clientauth.PrivateKeyJWT))
	}
	if missing := without(added, list); len(missing) > 0 {
		md = md.with(member, slices.Concat(list, missing))
	}
	return md.withAlgorithms(name, list, verified)
}

// without returns the texts of a list that are not in another one.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(text string) bool { return slices.Contains(other, text) })
}

// takesNoSecret reports whether a list of methods has some and none that presents a secret.
func (md Metadata) takesNoSecret(methods string) bool {
	list := md.Strings(methods)
	return len(list) > 0 && !slices.Contains(list, string(clientauth.Post)) && !slices.Contains(list, string(clientauth.Basic))
}

// withAlgorithms adds the algorithms that the gateway verifies to those of the provider. It removes
// the provider's if none of the provider's methods uses them, and the algorithm none (RFC 8414
// section 2).
func (md Metadata) withAlgorithms(name clientauth.Endpoint, methods, verified []string) Metadata {
	member, signs := AlgorithmsMember(name), slices.ContainsFunc(methods, isJWT)
	list := md.Strings(member)
	signed := without(list, []string{"none"})
	if !signs {
		signed = nil
	}
	signed = append(signed, without(verified, signed)...)
	switch {
	case len(signed) == 0 && (!signs || len(list) > 0):
		return md.without(member)
	case !slices.Equal(signed, list):
		return md.with(member, signed)
	}
	return md
}

func isJWT(method string) bool {
	return method == string(clientauth.PrivateKeyJWT) || method == "client_secret_jwt"
}

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
