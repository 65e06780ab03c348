package proxy

import (
	"math"
	"strconv"
	"time"

	"oauthgw/clientauth"
)

// retryAfter returns how long the client must wait because too many authentications
// failed from its address. Zero means that the request may go on. Only a secret can
// be guessed (RFC 6749 section 2.3.1): assertions and public clients never wait.
func (x *exchange) retryAfter() time.Duration {
	switch {
	case !x.credentials.Secret.IsZero():
		return x.Failures.RetryAfter(x.credentials.ClientID, x.Proxies.RateLimitKey(x.r))
	case x.mayHideSecret():
		return x.Failures.RetryAfterAddress(x.Proxies.RateLimitKey(x.r))
	}
	return 0
}

// mayHideSecret reports whether a request may hold a secret of a client that is unknown:
// in a body that was not opened, or in an Authorization field with another scheme.
func (x *exchange) mayHideSecret() bool {
	return x.bodyUnread || x.credentials.Method == clientauth.Other && x.Endpoint != clientauth.Registration
}

// mayGuess reports whether a failure of this exchange would count.
func (x *exchange) mayGuess() bool {
	return x.Failures != nil && (!x.credentials.Secret.IsZero() || x.mayHideSecret()) && x.Proxies.RateLimitKey(x.r).IsValid()
}

// rejectRateLimited refuses a request of a client that must wait. The right secret is
// refused as well, because accepting it would confirm a guess.
func (x *exchange) rejectRateLimited(wait time.Duration) {
	x.w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	x.refuse(errRateLimited)
}

// recordFailure records that the provider rejected the client's secret, or may have in a
// response that cannot be read. A request that the gateway refused is no failure: no
// secret was compared. An Authorization field with another scheme is mostly a token, which
// cannot be guessed, so that only a rejection of the client counts. A response that cannot
// be read does not count if the secret is known, because it is no guess.
func (x *exchange) recordFailure() {
	id, secret := x.credentials.ClientID, x.credentials.Secret
	switch {
	case x.outcome == outcomeUnclear && x.Failures.KnowsSecret(id, secret.Reveal()):
	case !secret.IsZero():
		x.Failures.ForgetSecret(id, secret.Reveal())
		x.Failures.RecordFailure(id, x.Proxies.RateLimitKey(x.r))
	case x.bodyUnread, x.mayHideSecret() && x.outcome == outcomeRejected:
		x.Failures.RecordAddressFailure(x.Proxies.RateLimitKey(x.r))
	}
}

// recordSuccess records that the provider accepted the client's secret. Only a token shows
// that: some providers look at no secret at other endpoints, where a guess would become known.
func (x *exchange) recordSuccess() {
	if x.Endpoint == clientauth.Token && !x.credentials.Secret.IsZero() {
		x.Failures.RememberSecret(x.credentials.ClientID, x.credentials.Secret.Reveal())
	}
}
