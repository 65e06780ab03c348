package clients

import (
	"encoding/json"
	"slices"

	"oauthgw/clientauth"
)

// Registered answers a registration (RFC 7591 section 3.2.1). It has no secret, and is not stored.
type Registered struct {
	ClientID      string            `json:"client_id"`
	RedirectURIs  []string          `json:"redirect_uris"`
	Method        clientauth.Method `json:"token_endpoint_auth_method"`
	GrantTypes    []string          `json:"grant_types"`
	ResponseTypes []string          `json:"response_types"`
}

// Register returns the response to a registration with some redirect URIs and grant types, each a
// JSON value that may be missing. It returns nil if no client lists all of the redirect URIs. The
// client gets the grants that it asked for and that the secret is lent for.
func (t *Table) Register(redirectURIs, grantTypes json.RawMessage) *Registered {
	var uris, grants []string
	if json.Unmarshal(redirectURIs, &uris) != nil || len(uris) == 0 {
		return nil
	}
	asked := json.Unmarshal(grantTypes, &grants) == nil && len(grants) > 0
	for _, c := range t.All() {
		if c.Register && !slices.ContainsFunc(uris, func(uri string) bool { return !c.AllowsRedirect(uri) }) {
			given := slices.DeleteFunc(slices.Clone(c.Grants), func(grant string) bool { return asked && !slices.Contains(grants, grant) })
			return &Registered{c.ID, uris, clientauth.None, given, []string{"code"}}
		}
	}
	return nil
}
