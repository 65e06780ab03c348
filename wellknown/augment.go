package wellknown

import (
	"bytes"
	"encoding/json"
	"slices"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
)

// Front is what the gateway makes of a metadata document.
type Front struct {
	// Issuer is the issuer to name. Empty leaves the one that is there.
	Issuer string
	// Authorization is the URL of the authorization endpoint. Empty leaves the
	// one that is there.
	Authorization string
	// Endpoints are the URLs at which clients reach the fronted endpoints. Of an
	// endpoint that is not in it the document says what it said before.
	Endpoints map[clientauth.Endpoint]string
}

// Augment returns the metadata with what the gateway makes true at the fronted
// endpoints: their URLs, and both methods that present a client secret. The
// metadata itself is left alone.
func (md Metadata) Augment(f Front) Metadata {
	// RFC 8414 section 3.2: members with zero elements are omitted.
	out := Metadata{md.Without(func(m jsonobject.Member) bool { return isEmptyArray(m.Value) })}
	out = out.moved(memberIssuer, f.Issuer).moved(memberAuthorization, f.Authorization)
	for _, name := range clientauth.Endpoints() {
		if at, ok := f.Endpoints[name]; ok {
			out = out.fronted(name, at).withoutAlias(name, at)
		}
	}
	// RFC 8414 section 2.1: signed values would take precedence over the plain
	// ones and contradict them.
	if !bytes.Equal(out.Encode(), md.Encode()) {
		out = out.without(memberSigned)
	}
	return out
}

// moved returns the metadata with a URL in the place of another, if there is one
// to put there.
func (md Metadata) moved(member, to string) Metadata {
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

// fronted returns the metadata with an endpoint at its URL and its methods
// completed.
func (md Metadata) fronted(name clientauth.Endpoint, at string) Metadata {
	md = md.moved(endpointMember(name), at)
	list, ok := md.methods(name)
	if !ok {
		return md
	}
	if !slices.Equal(list, md.texts(methodsMember(name))) {
		md = Metadata{md.With(methodsMember(name), list)}
	}
	return md.withAlgorithms(name, list)
}

// methods returns the list of an endpoint's methods, completed. It reports
// false where the list is to stay as it is. The method none is never added:
// clients that hold a secret would leave it out.
//
// An absent list means client_secret_basic alone at the token and the
// revocation endpoint, which hides that the provider takes the form; it
// becomes explicit. At the introspection endpoint an absent list means that
// nothing is said (RFC 8414 section 2), and nothing is.
func (md Metadata) methods(name clientauth.Endpoint) ([]string, bool) {
	member := methodsMember(name)
	if member == "" {
		return nil, false
	}
	value := md.Get(member)
	list := md.texts(member)
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

// texts returns a member that is a list of strings. It is nil where the member
// is anything else.
func (md Metadata) texts(member string) []string {
	var list []string
	if json.Unmarshal(md.Get(member), &list) != nil {
		return nil
	}
	return list
}

// withAlgorithms returns the metadata in which the algorithms of client
// assertions are listed only where a method has any, and without none, which
// RFC 8414 section 2 forbids.
func (md Metadata) withAlgorithms(name clientauth.Endpoint, methods []string) Metadata {
	member := algorithmsMember(name)
	list := md.texts(member)
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

// withoutAlias returns the metadata without another way to a fronted endpoint:
// clients with a certificate prefer it (RFC 8705 section 5), and behind it
// nothing translates.
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
	aliases = aliases.Without(func(m jsonobject.Member) bool { return m.Name == endpointMember(name) })
	if len(aliases.Members()) == 0 {
		return md.without(memberAliases)
	}
	return Metadata{md.With(memberAliases, json.RawMessage(aliases.Encode()))}
}
