// Package proxy carries an OAuth endpoint's requests to a provider that reads
// client credentials only from the form, and completes the provider's replies.
//
// A [Handler] fronts one endpoint. The files follow the way of an exchange:
// request.go reads the client's request, ratelimit.go turns away who failed too
// often, rewrite.go puts Basic credentials into the form, forward.go sends it to
// the provider, response.go completes the reply, outcome.go reads what it says of
// the client, error.go writes every answer that is the gateway's own. Beside that,
// a [Registration] fronts the endpoint at which clients say how they will
// authenticate (RFC 7591, RFC 7592), and [NewPassthrough] carries all other
// paths untouched.
//
// What a [Handler] judged is what the provider receives: the form is parsed
// once, strictly, and sent on re-encoded from what was parsed. A request
// reaches the provider at most once.
//
// RFC 6749 sections 2.3, 3.2, 5.1 and 5.2 are the rules; RFC 7009, 7662, 9126,
// 8628 and OpenID CIBA apply them to further endpoints. The package does not
// verify credentials and knows no metadata.
package proxy

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/authlimit"
	"oauthgw/internal/trustedproxy"
	"oauthgw/metrics"
)

// ChallengePolicy tells which replies receive a WWW-Authenticate field.
type ChallengePolicy string

const (
	// ChallengeAlways adds a challenge to every 401 invalid_client without one
	// (RFC 9110 section 15.5.2).
	ChallengeAlways ChallengePolicy = "always"
	// ChallengeBasic adds it only where the client used HTTP Basic, which is
	// what RFC 6749 section 5.2 demands.
	ChallengeBasic ChallengePolicy = "basic"
)

// Config describes one fronted endpoint.
type Config struct {
	// Endpoint is the endpoint's name.
	Endpoint clientauth.Endpoint
	// Target is where the requests go: the provider's scheme, host and path,
	// and the endpoint's own query if it has one.
	Target *url.URL
	// Rules read the client authentication.
	Rules *clientauth.Rules
	// Challenge defaults to ChallengeAlways.
	Challenge ChallengePolicy
	// Realm is the realm of challenges (RFC 9110 section 11.5).
	Realm string
	// Timeout bounds what the provider takes, from when it is called to its last
	// byte. Zero means 15 seconds.
	Timeout time.Duration
	// Transport performs the request. It must not send it twice, follow redirects
	// or decompress; see [NewTransport].
	Transport http.RoundTripper
	// StripCORS leaves out what the provider says to pages of other origins, because
	// the gateway says it.
	StripCORS bool
	// Proxies are those whose word on where a request came from is taken.
	Proxies trustedproxy.Proxies
	// Failures remembers which clients failed to authenticate by a secret, and so
	// have to wait. Nil means that none has to.
	Failures *authlimit.Limiter
	// OnDecision is told what became of each request, in the request's context; it
	// must not block. Nil means nobody.
	OnDecision func(context.Context, Decision)
	// Metrics and Log receive one set of counters and one line per exchange.
	Metrics *metrics.Metrics
	Log     *slog.Logger
}

// Handler fronts one endpoint. It is safe for concurrent use.
type Handler struct {
	Config
	ownQuery *clientauth.Form
}

// New returns the handler of an endpoint. The error says that the target's
// query cannot be read.
func New(c Config) (*Handler, error) {
	q, err := clientauth.ParseForm(c.Target.RawQuery)
	if err != nil {
		return nil, err
	}
	return &Handler{c.withDefaults(), q}, nil
}

func (c Config) withDefaults() Config {
	if c.Challenge == "" {
		c.Challenge = ChallengeAlways
	}
	if c.Timeout == 0 {
		c.Timeout = 15 * time.Second
	}
	return c
}

// ServeHTTP carries one exchange, top to bottom.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x, end := newExchange(&h.Config, w, r)
	defer end()

	received, err := receive(x.w, x.r, h.ownQuery, &x.body)
	if err != nil {
		x.refuse(err)
		return
	}
	x.bodyUnread = received.Form == nil
	x.credentials, err = h.Rules.Read(received.Request)
	if err != nil {
		x.refuse(err)
		return
	}
	if wait := x.retryAfter(); wait > 0 {
		x.rejectRateLimited(wait)
		return
	}
	x.modify = fixInvalidClient
	x.forward(h.rewrite(received, x.credentials))
}
