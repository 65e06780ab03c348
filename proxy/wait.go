package proxy

import (
	"math"
	"strconv"
	"time"
)

// mustWait returns how long the client has to wait because it failed too often to
// authenticate from where it is. Zero means not at all. Only a secret can be guessed
// (RFC 6749 section 2.3.1): assertions, tokens and public clients never wait.
func (x *exchange) mustWait() time.Duration {
	if x.credentials.Secret.IsZero() {
		return 0
	}
	return x.Failures.Wait(x.credentials.ClientID, x.Proxies.Client(x.r))
}

// refuseUntil answers a client that has to wait. The right secret is refused as
// well, or who guesses would know it by that.
func (x *exchange) refuseUntil(wait time.Duration) {
	x.w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	x.refuse(errTooManyFailures)
}

// noteFailure remembers that the provider did not take the client's secret. What
// the gateway refuses by itself is no failure: no secret was compared.
func (x *exchange) noteFailure() {
	if !x.credentials.Secret.IsZero() {
		x.Failures.Add(x.credentials.ClientID, x.Proxies.Client(x.r))
	}
}
