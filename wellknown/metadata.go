package wellknown

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
	"oauthgw/internal/origin"
)

// Metadata members that are named more than once: RFC 8414 section 2, RFC 8705 section 5,
// RFC 9728 section 2, OpenID Connect Discovery section 3.
const (
	memberIssuer        = "issuer"
	memberSigned        = "signed_metadata"
	memberAliases       = "mtls_endpoint_aliases"
	memberPKCE          = "code_challenge_methods_supported"
	memberAuthorization = "authorization_endpoint"
	memberJWKS          = "jwks_uri"
	memberIDTokenAlgs   = "id_token_signing_alg_values_supported"
	memberResource      = "resource"
	memberServers       = "authorization_servers"
	memberDocuments     = "client_id_metadata_document_supported"
	memberScopes        = "scopes_supported"
)

// Metadata is an authorization server's metadata (RFC 8414 section 2). It is
// immutable. Its methods keep every member that they do not change, byte for byte.
type Metadata struct {
	jsonobject.Object
}

// Issuer returns the issuer, byte for byte as the provider wrote it.
func (md Metadata) Issuer() string { return md.Text(memberIssuer) }

// Endpoint returns the URL of an endpoint, or nil if it is not an http or https URL.
func (md Metadata) Endpoint(name clientauth.Endpoint) *url.URL {
	text := md.Text(EndpointMember(name))
	if origin.Of(text) == nil {
		return nil
	}
	u, _ := url.Parse(text)
	return u
}

// Strings returns a member that is a list of strings, or nil.
func (md Metadata) Strings(member string) []string {
	var list []string
	if json.Unmarshal(md.Get(member), &list) != nil {
		return nil
	}
	return list
}

// MissingOpenID returns the missing members of those that OpenID Connect Discovery
// section 3 requires beyond RFC 8414. Clients fail without them at the OpenID location.
func (md Metadata) MissingOpenID() []string {
	return slices.DeleteFunc([]string{memberJWKS, "subject_types_supported", memberIDTokenAlgs},
		func(member string) bool { return md.Get(member) != nil })
}

// withoutEmpty returns the metadata without the members that count as absent: those that are
// null, and those that are empty where text or a URL must stand.
func (md Metadata) withoutEmpty() Metadata {
	return Metadata{md.WithoutNulls().Without(func(m jsonobject.Member) bool {
		return string(m.Value) == `""` && neverEmpty.MatchString(m.Name)
	})}
}

// neverEmpty matches the registered members whose value is a URL or a signed text.
var neverEmpty = regexp.MustCompile(`^(?:issuer|signed_metadata|resource|service_documentation)$|_(?:endpoint|uri|iframe)$`)

func (md Metadata) hasEndpoint() bool {
	return slices.ContainsFunc(md.Members(), func(m jsonobject.Member) bool {
		return strings.HasSuffix(m.Name, "_endpoint") && origin.Of(m.Text()) != nil
	})
}

func (md Metadata) with(member string, value any) Metadata { return Metadata{md.With(member, value)} }

func (md Metadata) without(names ...string) Metadata {
	return Metadata{md.Without(func(m jsonobject.Member) bool { return slices.Contains(names, m.Name) })}
}

// unsigned removes the signed values if others differ from those in the original: they
// take precedence (RFC 8414 section 2.1) and would contradict the changed ones.
func (md Metadata) unsigned(original Metadata) Metadata {
	if bytes.Equal(md.Encode(), original.Encode()) {
		return md
	}
	return md.without(memberSigned)
}

// EndpointMember returns the member that holds an endpoint's URL.
func EndpointMember(name clientauth.Endpoint) string { return string(name) + "_endpoint" }

// MethodsMember returns the member that lists an endpoint's client authentication
// methods. Other endpoints share the token endpoint's (RFC 9126, RFC 8628, OpenID CIBA).
func MethodsMember(name clientauth.Endpoint) string {
	switch name {
	case clientauth.Token, clientauth.Revocation, clientauth.Introspection:
		return string(name) + "_endpoint_auth_methods_supported"
	}
	return ""
}

// AlgorithmsMember returns the member that lists the algorithms of client assertions at an endpoint.
func AlgorithmsMember(name clientauth.Endpoint) string {
	return string(name) + "_endpoint_auth_signing_alg_values_supported"
}

const (
	serverLocation   = "/.well-known/oauth-authorization-server" // RFC 8414 section 3
	openidLocation   = "/.well-known/openid-configuration"       // OpenID Connect Discovery section 4
	resourceLocation = "/.well-known/oauth-protected-resource"   // RFC 9728 section 3

	maxLocation = 512 // bytes; a location is a cache key
)

// parseLocation returns the metadata location of a path and the well-known name in it, or
// nothing. The path of an issuer comes after the name (RFC 8414 section 3.1) or before it
// (OpenID Connect Discovery section 4). An ambiguous path has a name but no location.
func parseLocation(p string) (location, name string) {
	names := [...]string{serverLocation, openidLocation, resourceLocation}
	switch { // the most frequent paths first
	case slices.Contains(names[:], p):
		return p, p
	case !strings.Contains(p, ".well-known/"):
		return "", ""
	}
	clean := path.Clean("/" + p)
	if len(clean) > maxLocation {
		return "", ""
	}
	// Servers could decode it again, or disagree where it ends. Invalid UTF-8 reads as U+FFFD.
	ambiguous := strings.ContainsFunc(clean, func(c rune) bool { return unicode.IsControl(c) || strings.ContainsRune(";\\%?#\ufffd", c) })
	for _, name := range names {
		if strings.HasPrefix(clean+"/", name+"/") || strings.HasSuffix(clean, name) {
			if ambiguous {
				return "", name
			}
			return clean, name
		}
	}
	return "", ""
}

// Locations returns the paths at which clients look for the metadata of an issuer, in
// the order of most of them. An invalid issuer has those of one without a path.
func Locations(issuer string) []string {
	u, err := url.Parse(issuer)
	if err != nil || strings.Trim(u.Path, "/") == "" {
		return []string{serverLocation, openidLocation}
	}
	below := path.Clean(u.Path)
	return []string{serverLocation + below, openidLocation + below, below + openidLocation, below + serverLocation}
}

// Patch corrects a provider's metadata before it is read. The zero Patch changes nothing.
type Patch struct {
	Remove []string                     // members
	Set    map[string]json.RawMessage   // values of members
	Add    map[string][]json.RawMessage // elements of lists; an absent member becomes a list
}

// Problems returns what is wrong with the patch: it changes a member twice, or the issuer, by
// which clients tell servers apart.
func (p Patch) Problems() (found []string) {
	seen := map[string]bool{}
	for _, name := range slices.Concat(p.Remove, slices.Sorted(maps.Keys(p.Set)), slices.Sorted(maps.Keys(p.Add))) {
		switch {
		case name == memberIssuer:
			found = append(found, "must leave the issuer alone; metadata.issuer: rewrite moves it together with the endpoints")
		case seen[name]:
			found = append(found, "changes "+name+" twice")
		}
		seen[name] = true
	}
	return found
}

func (p Patch) apply(md Metadata) Metadata {
	out := md.without(p.Remove...)
	for _, name := range slices.Sorted(maps.Keys(p.Set)) {
		out = out.with(name, p.Set[name])
	}
	for _, name := range slices.Sorted(maps.Keys(p.Add)) {
		out = out.withElements(name, p.Add[name])
	}
	if _, set := p.Set[memberSigned]; set {
		return out
	}
	return out.unsigned(md)
}

// withElements appends the missing elements to a member that is a list or absent.
func (md Metadata) withElements(name string, elements []json.RawMessage) Metadata {
	var list []json.RawMessage
	if value := md.Get(name); value != nil && json.Unmarshal(value, &list) != nil {
		return md
	}
	missing := slices.DeleteFunc(slices.Clone(elements), func(e json.RawMessage) bool {
		return slices.ContainsFunc(list, func(l json.RawMessage) bool { return string(l) == string(e) })
	})
	if len(missing) == 0 {
		return md
	}
	return md.with(name, append(list, missing...))
}
