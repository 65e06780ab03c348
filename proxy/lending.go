package proxy

import (
	"bytes"
	"errors"
	"net/http"
	"strings"

	"oauthgw/clientauth"
)

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
	var text strings.Builder
	_ = r.header.Write(&text) // a strings.Builder takes everything
	text.Write(r.body)
	outcome := r.outcome(x.Endpoint)
	switch {
	case x.lent.Repeats(text.String()):
		x.err = errors.New("the response holds the secret in " + x.lent.SecretFile)
		return errSecretRepeated
	case r.object.Text("error") == clientauth.CodeInvalidClient,
		outcome == OutcomeUnclear && (r.status == http.StatusUnauthorized || bytes.Contains(r.body, []byte(clientauth.CodeInvalidClient))):
		x.err = errors.New("the provider rejects the secret in " + x.lent.SecretFile)
		return errSecretRejected
	}
	return nil
}
