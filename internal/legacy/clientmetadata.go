package legacy

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxClientMetadata is the largest registration that is read, in bytes.
const maxClientMetadata = 64 << 10

// clientMetadata is what a client says of itself (RFC 7591 section 2), as far
// as this provider keeps it.
type clientMetadata struct {
	RedirectURIs            []string `json:"redirect_uris"`
	ClientName              string   `json:"client_name,omitempty"`
	TokenEndpointAuthMethod string   `json:"token_endpoint_auth_method"`
	GrantTypes              []string `json:"grant_types"`
	ResponseTypes           []string `json:"response_types"`
	Scope                   string   `json:"scope,omitempty"`
}

// readClientMetadata reads the metadata and fills in what RFC 7591 section 2
// says of absent members. Members that are not known here are ignored.
func readClientMetadata(w http.ResponseWriter, r *http.Request) (clientMetadata, *refusal) {
	var m clientMetadata
	body := http.MaxBytesReader(w, r.Body, maxClientMetadata)
	if err := json.NewDecoder(body).Decode(&m); err != nil {
		return m, badClientMetadata
	}
	if len(m.RedirectURIs) == 0 || slices.ContainsFunc(m.RedirectURIs, unusableRedirectURI) {
		return m, badRedirectURI
	}
	switch m.TokenEndpointAuthMethod {
	case "":
		// The standard's default, and the one that this provider cannot do.
		m.TokenEndpointAuthMethod = "client_secret_basic"
	case "client_secret_basic", "client_secret_post", "none":
	default:
		return m, badClientMetadata
	}
	if m.GrantTypes == nil {
		m.GrantTypes = []string{"authorization_code"}
	}
	if m.ResponseTypes == nil {
		m.ResponseTypes = []string{"code"}
	}
	return m, nil
}

// unusableRedirectURI reports whether a redirect URI cannot be registered: it
// must be absolute and without a fragment (RFC 6749 section 3.1.2). Opaque
// ones are refused with the relative ones, or javascript: would be a place to
// send a browser to.
func unusableRedirectURI(uri string) bool {
	u, err := url.Parse(uri)
	return err != nil || u.Scheme == "" || u.Opaque != "" || strings.Contains(uri, "#")
}
