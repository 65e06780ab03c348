package clients

import (
	"cmp"
	"slices"
	"strings"

	"oauthgw/clientauth"
)

// The grants for which a secret may be lent (RFC 6749 sections 4.1.3 and 6): the one is bound to a
// request judged by PKCE, the other to a token. Other grants would hand tokens to anyone.
const (
	GrantCode    = "authorization_code"
	GrantRefresh = "refresh_token"
)

// unreserved are the characters of a code verifier (RFC 7636 section 4.1).
const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

func isVerifier(text string) bool {
	return len(text) >= 43 && len(text) <= 128 && strings.Trim(text, unreserved) == ""
}

// Lend returns the client with whose secret the gateway authenticates a request, or nil if it
// authenticates with what the client sent. A secret is lent to a request that names a public client
// in its form and brings no credentials at all (RFC 6749 section 2.3), only at endpoints whose
// response is for the client alone: introspection would tell anyone about tokens, and the device
// and backchannel grants have no PKCE. Own is the endpoint's own query, and c has the credentials of
// the request. Errors are [*clientauth.Error] values; the provider must not get such a request. With an
// error, the result is for logs only.
func (t *Table) Lend(e clientauth.Endpoint, own *clientauth.Form, r clientauth.Request, c clientauth.Credentials) (*Use, error) {
	use := t.borrower(r, c)
	if use == nil {
		return nil, nil
	}
	var err error
	switch e {
	case clientauth.Token:
		err = use.checkGrant(r.Form)
	case clientauth.PushedAuthorizationRequest:
		err = use.checkPushed(r.Form)
	case clientauth.Revocation:
	default:
		return nil, nil
	}
	return use, cmp.Or(checkQuery(own, r), err)
}

// checkQuery refuses parameters that a server could read in place of those in the form. Own is the
// endpoint's own query.
func checkQuery(own *clientauth.Form, r clientauth.Request) error {
	if differs(own, r.Form) {
		return ErrDifferentParameters
	}
	for name, value := range r.Query.All() {
		if !own.Has(name) || own.Get(name) != value.Reveal() {
			return ErrQueryParameter
		}
	}
	return nil
}

// differs reports whether a form has a parameter of the endpoint's own query with another value.
// Where one URL has several endpoints, some servers would read in it which one is meant.
func differs(own, form *clientauth.Form) bool {
	for name, value := range own.All() {
		for other, otherValue := range form.All() {
			if clientauth.IsSpelling(other, strings.ToLower(name)) && !value.Equal(otherValue) {
				return true
			}
		}
	}
	return false
}

// borrower returns the public client that a request without credentials names. A Basic pair with
// an empty secret is how some clients say that they have none.
func (t *Table) borrower(r clientauth.Request, c clientauth.Credentials) *Use {
	id := r.Form.Get(clientauth.ParameterClientID)
	if c.Secret.IsZero() && c.Tolerated == nil && (c.Method == clientauth.None || c.Method == clientauth.Basic && c.ClientID == id) {
		return t.find(id)
	}
	return nil
}

// checkGrant checks the form of a token request.
func (u *Use) checkGrant(form *clientauth.Form) error {
	grant := form.Get("grant_type")
	switch {
	case disguises(form, grantParameters):
		return ErrDisguisedParameter
	case grant == "":
		return ErrNoGrant
	case !slices.Contains(u.Grants, grant):
		return ErrGrant
	case grant != GrantCode:
		return nil
	case !isVerifier(form.Get("code_verifier")):
		return ErrNoVerifier
	case !u.AllowsRedirect(form.Get("redirect_uri")):
		return ErrRedirectURI
	}
	return nil
}

// checkPushed checks the form of a pushed authorization request (RFC 9126 section 2.1).
func (u *Use) checkPushed(form *clientauth.Form) error {
	switch {
	case disguises(form, judgedParameters):
		return ErrDisguisedParameter
	case repeats(form): // client_auth.repeatable may allow it
		return clientauth.ErrRepeatedParameter
	}
	return u.checkPlace(form, false)
}

var grantParameters = []string{"grant_type", "code", "code_verifier", "redirect_uri", "refresh_token"}

// disguises reports whether a form has a parameter under a variant of its name, which some readers
// find in place of the one that is checked.
func disguises(form *clientauth.Form, parameters []string) bool {
	for name := range form.All() {
		isVariant := func(p string) bool { return name != p && clientauth.IsSpelling(name, p) }
		if slices.ContainsFunc(parameters, isVariant) && !slices.Contains(parameters, name) {
			return true
		}
	}
	return false
}
