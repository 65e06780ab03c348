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

// maxBody limits a response body, in bytes.
const maxBody = 256 << 10

// errElsewhere means that a request was not sent because its URL is at another origin.
var errElsewhere = errors.New("it is at another origin")

// request is an HTTP request.
type request struct {
	method, url string
	header      http.Header
	body        string
}

// response is the response to a request, or the error.
type response struct {
	status      int
	header      http.Header
	body        []byte
	certificate *x509.Certificate // the server's own; nil without TLS
	err         error
}

// client sends requests, each once.
type client struct {
	transport *http.Transport
	timeout   time.Duration
	start     *url.URL // the only origin that gets requests, unless follow is set
	follow    bool
	tested    []Tested
}

// newClient returns a client that uses the proxy environment variables, as most
// clients do.
func newClient(c Config, start *url.URL) *client {
	return &client{timeout: c.Timeout, start: start, follow: c.Follow, transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		// #nosec G402 -- Go's default minimum is TLS 1.2
		TLSClientConfig:        &tls.Config{RootCAs: c.Roots},
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}}
}

// record adds a request to the report.
func (c *client) record(method string, u *url.URL) {
	shown := *u
	shown.User = nil
	quoted := printable.Quote(shown.String())
	t := Tested{Method: method, URL: quoted[1 : len(quoted)-1]}
	if !slices.Contains(c.tested, t) {
		c.tested = append(c.tested, t)
	}
}

// do sends a request. It refuses other origins unless follow is set: a document must
// not choose where this host sends requests. It follows no redirect.
func (c *client) do(ctx context.Context, q request) response {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, q.method, q.url, strings.NewReader(q.body))
	if err != nil {
		return response{err: err}
	}
	if !c.follow && !origin.Same(req.URL, c.start) {
		return response{err: errElsewhere}
	}
	c.record(q.method, req.URL)
	if q.header != nil {
		req.Header = q.header
	}
	req.Header.Set("User-Agent", "oauthgw-doctor")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return response{err: c.plainError(err)}
	}
	defer resp.Body.Close()
	r := response{status: resp.StatusCode, header: resp.Header}
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		r.certificate = resp.TLS.PeerCertificates[0]
	}
	r.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		r.err = c.plainError(err)
	case len(r.body) > maxBody:
		r.err = errors.New("its body is larger than 256 KiB")
	}
	return r
}

// plainError replaces the context errors of a timeout.
func (c *client) plainError(err error) error {
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("there was no response within %s", c.timeout)
	}
	return err
}
