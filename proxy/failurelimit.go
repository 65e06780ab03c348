package proxy

import (
	"net/netip"
	"time"

	"oauthgw/clientauth"
)

// retryAfter returns how long the client must wait after too many failures from its address.
// Only secrets can be guessed (RFC 6749 section 2.3.1), not assertions.
func (x *exchange) retryAfter() time.Duration {
	ctx := x.r.Context()
	switch {
	case !x.credentials.Secret.IsZero():
		return x.Failures.RetryAfter(ctx, x.credentials.ClientID, x.limitKey())
	case x.mayHideSecret():
		return x.Failures.RetryAfterAddress(ctx, x.limitKey())
	}
	return 0
}

// limitKey is the address for which failures count, or zero if many clients share it.
func (x *exchange) limitKey() netip.Addr { return x.Proxies.RateLimitKey(x.client) }

// mayHideSecret reports whether the request may hold a secret of an unknown client: in a
// body that was not read, or in an Authorization field with another scheme.
func (x *exchange) mayHideSecret() bool {
	return x.bodyUnread || x.credentials.Method == clientauth.Other && x.Endpoint != clientauth.Registration
}

// mayGuess reports whether a failure of this exchange would count.
func (x *exchange) mayGuess() bool {
	return x.Failures != nil && (!x.credentials.Secret.IsZero() || x.mayHideSecret()) && x.limitKey().IsValid()
}

// recordFailure counts a rejection of the client's secret, or an unclear response if the
// secret was not right before. Another scheme is mostly a token, so only a rejection counts.
func (x *exchange) recordFailure() {
	ctx, id, secret := x.r.Context(), x.credentials.ClientID, x.credentials.Secret
	switch {
	case x.outcome == OutcomeUnclear && x.Failures.KnowsSecret(id, secret.Reveal()):
	case !secret.IsZero():
		x.Failures.ForgetSecret(id, secret.Reveal())
		x.Failures.RecordFailure(ctx, id, x.limitKey())
	case x.bodyUnread, x.mayHideSecret() && x.outcome == OutcomeRejected:
		x.Failures.RecordAddressFailure(ctx, x.limitKey())
	}
}

// recordSuccess remembers a secret that the provider accepted, as only a token shows.
func (x *exchange) recordSuccess() {
	if x.Endpoint == clientauth.Token && !x.credentials.Secret.IsZero() {
		x.Failures.RememberSecret(x.credentials.ClientID, x.credentials.Secret.Reveal())
	}
}
