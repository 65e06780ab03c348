// Package proxy proxies OAuth endpoints to a provider that reads client credentials only from
// the form, or only from the header: it rewrites requests and corrects responses.
//
// A [Handler] serves one endpoint. Its files in the order of a request:
//
//	exchange.go      begins an exchange; at its end counts and reports the outcome
//	request.go       reads the request once, strictly, under a cap, and repairs it as
//	                 configured; [clientauth.Rules.Read] then finds the credentials
//	failurelimit.go  rejects clients that failed to authenticate too often, and counts failures
//	lending.go       verifies the assertion of a client that has keys instead of a secret, and lends
//	                 the secret of such a client, or of a public one
//	rewrite.go       moves the credentials to where the provider reads them
//	forward.go       sends the request to the provider, at most once, through
//	                 [httputil.ReverseProxy], which calls response.go
//	response.go      reads and decodes the provider's response
//	repair.go        repairs it, members.go the members of its object; response.go then gives
//	                 invalid_client its status and challenge, unless a lent secret was rejected
//	outcome.go       finds out whether the provider accepted the client
//	error.go         writes every error response of the public listener
//
// A [Registration] serves the registration endpoint (RFC 7591, RFC 7592). [NewPassthrough]
// proxies all other paths unchanged, and authorization.go repairs authorization requests.
//
// The rules are those of RFC 6749 sections 2.3, 3.2, 5.1 and 5.2, which RFC 7009, 7662, 9126,
// 8628 and OpenID CIBA apply to further endpoints. The provider verifies credentials.
package proxy

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/authlimit"
	"oauthgw/internal/clients"
	"oauthgw/internal/repair"
	"oauthgw/internal/state"
	"oauthgw/internal/trustedproxy"
	"oauthgw/metrics"
)

// ChallengePolicy is which responses receive a WWW-Authenticate field.
type ChallengePolicy string

const (
	// ChallengeAlways adds one to every 401 invalid_client without (RFC 9110 section 15.5.2).
	ChallengeAlways ChallengePolicy = "always"
	// ChallengeBasic adds one only if the client used HTTP Basic (RFC 6749 section 5.2).
	ChallengeBasic ChallengePolicy = "basic"
)

// Config configures the handler of one endpoint.
type Config struct {
	Endpoint clientauth.Endpoint
	Target   *url.URL          // at the provider, with the endpoint's own query, if any
	Rules    *clientauth.Rules // to read the client authentication
	Clients  *clients.Table    // whose assertions are verified, and secrets lent; nil: none
	MayLend  bool              // the authorization endpoint is fronted, so requests for codes are judged
	// Issuer returns the issuer that clients see. It may wait for the metadata; empty: it is unknown.
	// It and State are required if Clients has assertions.
	Issuer    func(context.Context) string
	State     state.Store     // remembers the assertions that were used
	Requests  repair.Requests // repairs of requests; zero: none
	Replies   repair.Replies  // to repair responses of the provider
	Challenge ChallengePolicy // empty: ChallengeAlways
	Realm     string          // of challenges (RFC 9110 section 11.5)
	Stall     time.Duration   // the timeout of receiving the body; positive. The server has that of the response
	Host      string          // sent to the provider; empty: the client's
	// Transport limits the time of an exchange. It must not send a request twice, follow redirects,
	// decompress or report interim responses, and sets Request in the response.
	Transport http.RoundTripper
	StripCORS bool                 // remove the provider's CORS fields: the gateway has its own
	Proxies   trustedproxy.Proxies // whose X-Forwarded fields are believed
	Failures  *authlimit.Limiter   // of authentications by a secret; nil: no limit
	// OnDecision is called at the end of each request, in its context, and must not block.
	// Nil means no call.
	OnDecision func(context.Context, Decision)
	Metrics    *metrics.Metrics
}

type endpoint struct {
	Config
	ownQuery  *clientauth.Form // of Target
	forwarder *httputil.ReverseProxy
}

func newEndpoint(c Config) (*endpoint, error) {
	c.Challenge = cmp.Or(c.Challenge, ChallengeAlways)
	query, err := clientauth.ParseForm(c.Target.RawQuery)
	return &endpoint{Config: c, ownQuery: query, forwarder: newForwarder(c)}, err
}

// Handler serves one endpoint. It is safe for concurrent use.
type Handler struct{ endpoint *endpoint }

// New returns the handler of an endpoint, or an error if the target's query cannot be read.
func New(c Config) (*Handler, error) {
	e, err := newEndpoint(c)
	return &Handler{e}, err
}

// ServeHTTP handles one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := newExchange(h.endpoint, w, r)
	defer x.finish()

	in, err := x.readRequest()
	if err != nil {
		x.writeError(err)
		return
	}
	x.bodyUnread, x.refreshes = in.Form == nil, in.Form.Get("grant_type") == "refresh_token"
	if x.credentials, err = x.Rules.Read(in.Request); err != nil {
		x.writeError(err)
		return
	}
	if wait := x.retryAfter(); wait > 0 {
		// Even if the secret is right: a different response would confirm a guess.
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		x.writeError(errRateLimited)
		return
	}
	if err = x.verifyAssertion(in); err == nil && x.lent == nil {
		err = x.borrow(in)
	}
	if err != nil {
		x.writeError(err)
		return
	}
	x.forward(x.rewrite(in), x.fixInvalidClient)
}
