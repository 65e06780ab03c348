package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"oauthgw/internal/origin"
	"oauthgw/internal/printable"
)

// maxBody bounds what is read of a reply, in bytes.
const maxBody = 256 << 10

// errLarge says that a body is longer than a client has to bear.
var errLarge = errors.New("its body is larger than 256 KiB")

// errElsewhere says that a request was not sent because its URL is at another
// origin than the one to test.
var errElsewhere = errors.New("it is at another origin")

// reply is what came back to one request, or why nothing did.
type reply struct {
	status      int
	header      http.Header
	body        []byte
	certificate *x509.Certificate // the server's own; nil: no TLS
	err         error
}

// request is one request.
type request struct {
	method, url string
	header      http.Header
	body        string
}

// asker sends requests, each once.
type asker struct {
	transport *http.Transport
	timeout   time.Duration
	begin     *url.URL // the only origin that is asked, unless follow is set
	follow    bool
	tested    []Tested
}

// newAsker obeys the proxy variables of the environment, as most clients do.
func newAsker(c Config, begin *url.URL) *asker {
	return &asker{timeout: c.Timeout, begin: begin, follow: c.Follow, transport: &http.Transport{
		Proxy:       http.ProxyFromEnvironment,
		DialContext: (&net.Dialer{Timeout: c.Timeout}).DialContext,
		// #nosec G402 -- Go itself begins at TLS 1.2
		TLSClientConfig:        &tls.Config{RootCAs: c.Roots},
		TLSHandshakeTimeout:    c.Timeout,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}}
}

// record adds a request to those that the report lists.
func (a *asker) record(method string, u *url.URL) {
	shown := *u
	shown.User = nil
	quoted := printable.Quote(shown.String())
	t := Tested{Method: method, URL: quoted[1 : len(quoted)-1]}
	if !slices.Contains(a.tested, t) {
		a.tested = append(a.tested, t)
	}
}

// ask sends a request and reads the reply under a cap. It is the one place that
// sends, and refuses other origins than the one to test unless follow is set: a
// document must not choose whom this host sends requests to. It is a round trip
// and no client, so that no redirect is followed.
func (a *asker) ask(ctx context.Context, q request) reply {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, q.method, q.url, strings.NewReader(q.body))
	if err != nil {
		return reply{err: err}
	}
	if !a.follow && !origin.Same(req.URL, a.begin) {
		return reply{err: errElsewhere}
	}
	a.record(q.method, req.URL)
	if q.header != nil {
		req.Header = q.header
	}
	req.Header.Set("User-Agent", "oauthgw-doctor")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := a.transport.RoundTrip(req)
	if err != nil {
		return reply{err: a.plain(err)}
	}
	defer resp.Body.Close()
	r := reply{status: resp.StatusCode, header: resp.Header}
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		r.certificate = resp.TLS.PeerCertificates[0]
	}
	r.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		r.err = a.plain(err)
	case len(r.body) > maxBody:
		r.err = errLarge
	}
	return r
}

// plain says of a timeout what it is; net/http tells of contexts.
func (a *asker) plain(err error) error {
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("there was no answer within %s", a.timeout)
	}
	return err
}

// formTo returns the request that sends a form to an endpoint.
func formTo(url, body string) request {
	return request{method: http.MethodPost, url: url, body: body,
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}}
}
