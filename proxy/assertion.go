package proxy

import (
	"errors"

	"oauthgw/internal/clients"
	"oauthgw/internal/state"
)

// verify sets the client that the request's assertion authenticates, if any. Its secret then replaces
// the assertion. One that may be used once is used up by the last step, and stays so whatever
// happens to the request.
func (x *exchange) verify(in received) (err error) {
	x.lent, err = x.Clients.Authenticate(x.r.Context(), clients.Attempt{
		Request: in.Request, Endpoint: x.Endpoint, Own: x.ownQuery, Unread: in.body, Credentials: x.credentials, Issuer: x.Issuer,
	})
	if x.lent == nil || err != nil {
		return err
	}
	name, d := x.lent.Once()
	if name == nil {
		return nil
	}
	switch err = x.State.Claim(x.r.Context(), x.lent.ID, state.NewKey(name...), d); {
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
