package wellknown

import (
	"errors"
	"fmt"
	"net/url"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
)

// The members that are read or written here: RFC 8414 section 2, RFC 8705
// section 5, RFC 9207 section 3, RFC 9728 section 2, OpenID Connect Discovery
// section 3.
const (
	memberIssuer         = "issuer"
	memberSigned         = "signed_metadata"
	memberAliases        = "mtls_endpoint_aliases"
	memberPKCE           = "code_challenge_methods_supported"
	memberResponseTypes  = "response_types_supported"
	memberAuthorization  = "authorization_endpoint"
	memberResponseIssuer = "authorization_response_iss_parameter_supported"
	memberJWKS           = "jwks_uri"
	memberSubjectTypes   = "subject_types_supported"
	memberIDTokenAlgs    = "id_token_signing_alg_values_supported"
	memberResource       = "resource"
	memberServers        = "authorization_servers"
)

// Metadata is an authorization server's metadata (RFC 8414 section 2). Every
// member stays as the provider wrote it unless the gateway makes it untrue. It
// is immutable.
type Metadata struct {
	jsonobject.Object
}

// ParseMetadata reads a metadata document: one JSON object that names an
// issuer. A member that comes twice is refused, because readers differ in
// which one they take.
func ParseMetadata(document []byte) (Metadata, error) {
	o, err := jsonobject.Parse(document)
	switch {
	case errors.Is(err, jsonobject.ErrNotObject):
		return Metadata{}, fmt.Errorf("%w: %w", errNoDocument, err)
	case err != nil:
		return Metadata{}, fmt.Errorf("the metadata document cannot be read: %w", err)
	case o.Text(memberIssuer) == "":
		return Metadata{}, errors.New("the metadata document names no issuer")
	}
	return Metadata{o}, nil
}

// Issuer returns the issuer, byte for byte as the provider wrote it.
func (md Metadata) Issuer() string { return md.Text(memberIssuer) }

// Endpoint returns the URL of an endpoint, or nil if the document names none
// that is an absolute http or https URL.
func (md Metadata) Endpoint(name clientauth.Endpoint) *url.URL {
	u, err := url.Parse(md.Text(endpointMember(name)))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil
	}
	return u
}

func endpointMember(name clientauth.Endpoint) string { return string(name) + "_endpoint" }

// methodsMember returns the member that lists an endpoint's client
// authentication methods. The endpoints of RFC 9126, RFC 8628 and OpenID CIBA
// have none of their own: they share the token endpoint's.
func methodsMember(name clientauth.Endpoint) string {
	switch name {
	case clientauth.Token, clientauth.Revocation, clientauth.Introspection:
		return string(name) + "_endpoint_auth_methods_supported"
	}
	return ""
}

// algorithmsMember returns the member that lists the algorithms of an
// endpoint's client assertions.
func algorithmsMember(name clientauth.Endpoint) string {
	return string(name) + "_endpoint_auth_signing_alg_values_supported"
}

// isOpenID reports whether a document holds what OpenID Connect Discovery
// section 3 requires beyond RFC 8414. Clients that ask at the OpenID location
// fail on a document that lacks it; at a missing one they try the next.
func (md Metadata) isOpenID() bool {
	return md.Get(memberJWKS) != nil && md.Get(memberSubjectTypes) != nil && md.Get(memberIDTokenAlgs) != nil
}
