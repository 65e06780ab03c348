// Package proxy proxies OAuth endpoints to a provider that reads client credentials only
// from the form: it rewrites requests for the provider and corrects its responses.
//
// A [Handler] serves one endpoint. Its files in the order of a request:
//
//	request.go    reads the request once, strictly, under a cap
//	ratelimit.go  rejects clients that failed to authenticate too often
//	rewrite.go    moves Basic credentials into the form
//	forward.go    sends the request to the provider, at most once
//	response.go   corrects the provider's response
//	outcome.go    finds out whether the provider accepted the client
//	exchange.go   counts the outcome and writes the log line
//	error.go      writes every error response
//
// A [Registration] serves the registration endpoint (RFC 7591, RFC 7592). [NewPassthrough]
// proxies all other paths unchanged.
//
// The rules are those of RFC 6749 sections 2.3, 3.2, 5.1 and 5.2, which RFC 7009, 7662, 9126,
// 8628 and OpenID CIBA apply to further endpoints. The package does not verify credentials
// and does not serve metadata.
package proxy

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/authlimit"
	"oauthgw/internal/trustedproxy"
	"oauthgw/metrics"
)

// ChallengePolicy is which responses receive a WWW-Authenticate field.
type ChallengePolicy string

const (
	// ChallengeAlways adds a challenge to every 401 invalid_client without one (RFC 9110
	// section 15.5.2).
	ChallengeAlways ChallengePolicy = "always"
	// ChallengeBasic adds it only if the client used HTTP Basic (RFC 6749 section 5.2).
	ChallengeBasic ChallengePolicy = "basic"
)

// Config configures the handler of one endpoint.
type Config struct {
	// Endpoint is the endpoint's name.
	Endpoint clientauth.Endpoint
	// Target is the provider's scheme, host and path, and the endpoint's own query, if any.
	Target *url.URL
	// Rules read the client authentication.
	Rules *clientauth.Rules
	// Challenge defaults to ChallengeAlways.
	Challenge ChallengePolicy
	// Realm is the realm of challenges (RFC 9110 section 11.5).
	Realm string
	// Timeout bounds the time from calling the provider to the last byte of its response.
	// Zero means 15 seconds.
	Timeout time.Duration
	// Transport sends the request. It must not send it twice, follow redirects or
	// decompress, and it sets Request in the response; see [NewTransport].
	Transport http.RoundTripper
	// StripCORS removes the provider's CORS header fields, because the gateway has its own.
	StripCORS bool
	// Proxies are the trusted proxies, whose X-Forwarded fields are believed.
	Proxies trustedproxy.Proxies
	// Failures limits failed authentications by a secret. Nil means no limit.
	Failures *authlimit.Limiter
	// OnDecision is called at the end of each request, in its context, and must not block.
	// Nil means no call.
	OnDecision func(context.Context, Decision)
	// Metrics and Log receive the counters and the log line of each request.
	Metrics *metrics.Metrics
	Log     *slog.Logger
}

// endpoint is a [Config] with its defaults, and what New derives from it.
type endpoint struct {
	Config
	ownQuery  *clientauth.Form // of Target
	forwarder *httputil.ReverseProxy
}

func newEndpoint(c Config) (*endpoint, error) {
	if c.Challenge == "" {
		c.Challenge = ChallengeAlways
	}
	if c.Timeout == 0 {
		c.Timeout = 15 * time.Second
	}
	query, err := clientauth.ParseForm(c.Target.RawQuery)
	return &endpoint{Config: c, ownQuery: query, forwarder: newForwarder(c.Transport)}, err
}

// Handler serves one endpoint. It is safe for concurrent use.
type Handler struct{ endpoint *endpoint }

// New returns the handler of an endpoint. It returns an error if the target's query cannot
// be read.
func New(c Config) (*Handler, error) {
	e, err := newEndpoint(c)
	if err != nil {
		return nil, err
	}
	return &Handler{e}, nil
}

// ServeHTTP handles one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := newExchange(h.endpoint, w, r)
	defer x.finish()

	in, err := readRequest(x.w, r, x.ownQuery, &x.memory)
	if err != nil {
		x.writeError(err)
		return
	}
	x.bodyUnread = in.Form == nil
	if x.credentials, err = x.Rules.Read(in.Request); err != nil {
		x.writeError(err)
		return
	}
	if wait := x.retryAfter(); wait > 0 {
		x.rejectRateLimited(wait)
		return
	}
	x.forward(x.rewrite(in), fixInvalidClient)
}
