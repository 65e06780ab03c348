package proxy

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/clients"
	"oauthgw/internal/state"
)

// verifyAssertion sets the client that the assertion of the request authenticates, if any. Its secret
// then replaces the assertion. The last step records the assertion as used, which it stays whatever
// happens to the request.
func (x *exchange) verifyAssertion(in received) (err error) {
	switch isCompressed := slices.ContainsFunc(in.Header["Content-Encoding"], isEncoded); {
	case in.Form != nil || !x.Clients.HasAssertions():
	case isCompressed: // it could name a client that must not use a secret
		return errContentEncoding
	case isObscure(in.Header, in.body):
		return errCharset
	}
	x.lent, err = x.Clients.Authenticate(x.r.Context(), clients.Attempt{
		Request: in.Request, Endpoint: x.Endpoint, Own: x.ownQuery, Unread: in.body, Credentials: x.credentials, Audience: x.Issuer,
	})
	if x.lent == nil || err != nil {
		return err
	}
	id, d := x.lent.OneTimeID()
	if id == nil {
		return nil
	}
	switch err = x.State.UseOnce(x.r.Context(), x.lent.ID, state.NewKey(id...), d); {
	case errors.Is(err, state.ErrUsed):
		return errReplayed
	case errors.Is(err, state.ErrFull):
		return errReplaysFull
	case err != nil:
		x.err = err
		return errStateUnavailable
	}
	return nil
}

// borrow sets the client whose secret the gateway lends to the request, if any. Without a fronted
// authorization endpoint no request for a code was judged, so that is an error.
func (x *exchange) borrow(in received) (err error) {
	x.lent, err = x.Clients.Lend(x.Endpoint, x.ownQuery, in.Request, x.credentials)
	if x.lent != nil && err == nil && !x.MayLend {
		err = ErrAuthorizationUnknown
	}
	return err
}

// checkLent refuses a response that rejects or repeats a lent secret. The client has sent no secret,
// so invalid_client would be wrong, and some clients would delete their registration.
func (x *exchange) checkLent(r *response) error {
	if x.lent == nil {
		return nil
	}
	switch {
	case x.lent.Repeats(r.text()):
		x.err = errors.New("the response holds the secret in " + x.lent.SecretFile)
		return errSecretRepeated
	case r.object.Text("error") == clientauth.CodeInvalidClient,
		(r.status == http.StatusUnauthorized || bytes.Contains(r.body, []byte(clientauth.CodeInvalidClient))) && r.outcome(x.Endpoint) == OutcomeUnclear:
		x.err = errors.New("the provider rejects the secret in " + x.lent.SecretFile)
		return errSecretRejected
	}
	return nil
}

// text returns the header and the body. The values have no line ends.
func (r *response) text() string {
	var text strings.Builder
	text.Grow(len(r.body) + 1<<10)
	for name, values := range r.header {
		for _, value := range values {
			text.WriteString(name + ": " + value + "\r\n")
		}
	}
	text.Write(r.body)
	return text.String()
}
