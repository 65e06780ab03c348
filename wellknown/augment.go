package wellknown

import (
	"bytes"
	"encoding/json"
	"slices"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
	"oauthgw/internal/origin"
)

// Overrides are the values that the gateway puts into a metadata document. Empty ones
// leave the provider's.
type Overrides struct {
	// Issuer replaces the issuer.
	Issuer string
	// Authorization replaces the URL of the authorization endpoint.
	Authorization string
	// Endpoints are the URLs of the fronted endpoints.
	Endpoints map[clientauth.Endpoint]string
}

// Augment returns the metadata with the overrides and, for the fronted endpoints, both
// methods that present a client secret.
func (md Metadata) Augment(o Overrides) Metadata {
	// RFC 8414 section 3.2: members with zero elements are omitted.
	out := Metadata{md.Without(func(m jsonobject.Member) bool { return isEmptyArray(m.Value) })}
	out = out.withURL(memberIssuer, o.Issuer).withURL(memberAuthorization, o.Authorization)
	for _, name := range clientauth.Endpoints() {
		if at, ok := o.Endpoints[name]; ok {
			out = out.withEndpoint(name, at).withoutAlias(name, at)
		}
	}
	// RFC 8414 section 2.1: signed values take precedence and would contradict the
	// changed ones.
	if !bytes.Equal(out.Encode(), md.Encode()) {
		out = out.without(memberSigned)
	}
	return out
}

func (md Metadata) withURL(member, to string) Metadata {
	if to == "" || to == md.Text(member) {
		return md
	}
	return Metadata{md.With(member, to)}
}

func isEmptyArray(value json.RawMessage) bool {
	var list []json.RawMessage
	return json.Unmarshal(value, &list) == nil && list != nil && len(list) == 0
}

func (md Metadata) without(names ...string) Metadata {
	return Metadata{md.Without(func(m jsonobject.Member) bool { return slices.Contains(names, m.Name) })}
}

func (md Metadata) withEndpoint(name clientauth.Endpoint, at string) Metadata {
	md = md.withURL(endpointMember(name), at)
	list, ok := md.completeMethods(name)
	if !ok {
		return md
	}
	if !slices.Equal(list, md.Strings(methodsMember(name))) {
		md = Metadata{md.With(methodsMember(name), list)}
	}
	return md.withAlgorithms(name, list)
}

// completeMethods returns the methods of an endpoint with both that present a client
// secret, or false if the list must not change. It never adds the method none: clients
// would leave out the secret that they hold.
//
// An absent list means client_secret_basic alone at the token and the revocation
// endpoint, which hides that the provider takes the form; it becomes explicit. At the
// introspection endpoint it means that the methods are not known (RFC 8414 section 2).
func (md Metadata) completeMethods(name clientauth.Endpoint) ([]string, bool) {
	member := methodsMember(name)
	if member == "" {
		return nil, false
	}
	value, list := md.Get(member), md.Strings(member)
	if value != nil && list == nil || value == nil && name == clientauth.Introspection {
		return nil, false
	}
	for _, method := range []clientauth.Method{clientauth.Post, clientauth.Basic} {
		if !slices.Contains(list, string(method)) {
			list = append(list, string(method))
		}
	}
	return list, true
}

// withAlgorithms removes the algorithms of client assertions if no method uses them,
// and none from the list, which RFC 8414 section 2 forbids.
func (md Metadata) withAlgorithms(name clientauth.Endpoint, methods []string) Metadata {
	member := algorithmsMember(name)
	list := md.Strings(member)
	if md.Get(member) == nil {
		return md
	}
	signed := slices.DeleteFunc(slices.Clone(list), func(alg string) bool { return alg == "none" })
	switch {
	case !slices.ContainsFunc(methods, isJWT), list != nil && len(signed) == 0:
		return md.without(member)
	case !slices.Equal(list, signed):
		return Metadata{md.With(member, signed)}
	}
	return md
}

func isJWT(method string) bool { return method == "private_key_jwt" || method == "client_secret_jwt" }

// withoutAlias removes the alias of a fronted endpoint, which leads around the gateway:
// clients with a certificate prefer it (RFC 8705 section 5).
func (md Metadata) withoutAlias(name clientauth.Endpoint, at string) Metadata {
	value := md.Get(memberAliases)
	if value == nil {
		return md
	}
	aliases, err := jsonobject.Parse(value)
	if err != nil {
		return md.without(memberAliases)
	}
	if alias := aliases.Get(endpointMember(name)); alias == nil || aliases.Text(endpointMember(name)) == at {
		return md
	}
	aliases = Metadata{aliases}.without(endpointMember(name)).Object
	if len(aliases.Members()) == 0 {
		return md.without(memberAliases)
	}
	return Metadata{md.With(memberAliases, json.RawMessage(aliases.Encode()))}
}

// moveResource returns the metadata of a protected resource (RFC 9728) with the issuer
// and the resource identifier at the public origin. Clients compare both (section 3.3).
func moveResource(resource jsonobject.Object, m origin.Map) jsonobject.Object {
	at, _ := m.Move(resource.Text(memberResource))
	out := Metadata{resource}.withURL(memberResource, at)
	if servers := out.Strings(memberServers); len(servers) > 0 {
		for i, server := range servers {
			servers[i], _ = m.Move(server)
		}
		out = Metadata{out.With(memberServers, servers)}
	}
	// RFC 9728 section 2.2: signed values would take precedence.
	return out.without(memberSigned).Object
}
