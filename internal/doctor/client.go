package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"oauthgw/internal/origin"
	"oauthgw/internal/printable"
)

// maxBody limits a response body, in bytes.
const maxBody = 256 << 10

// errElsewhere means that a request was not sent because its URL is at another origin.
var errElsewhere = errors.New("it is at another origin")

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
	config    Config
	start     *url.URL // the only origin that gets requests, unless Follow is set
	transport *http.Transport
	tested    []Tested
}

// newClient returns a client that uses the proxy environment variables, as most
// clients do.
func newClient(c Config, start *url.URL) *client {
	return &client{config: c, start: start, transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		// #nosec G402 -- Go's default minimum is TLS 1.2
		TLSClientConfig:        &tls.Config{RootCAs: c.Roots},
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}}
}

// record adds a request to the report.
func (c *client) record(method string, u url.URL) {
	u.User = nil
	quoted := printable.Quote(u.String())
	if t := (Tested{method, quoted[1 : len(quoted)-1]}); !slices.Contains(c.tested, t) {
		c.tested = append(c.tested, t)
	}
}

// do sends a request. It refuses other origins unless Follow is set: a document must
// not choose where this host sends requests. It follows no redirect.
func (c *client) do(ctx context.Context, method, at string, header http.Header, body string) response {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, at, strings.NewReader(body))
	switch {
	case err != nil:
		return response{err: err}
	case !c.config.Follow && !origin.Same(req.URL, c.start):
		return response{err: errElsewhere}
	}
	c.record(method, *req.URL)
	maps.Copy(req.Header, header)
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
		return fmt.Errorf("there was no response within %s", c.config.Timeout)
	}
	return err
}
