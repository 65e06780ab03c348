package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/upstream"
)

// NewTransport returns the transport for endpoints, which sends a request at most once.
// Server is the provider's origin, and socket the path of its Unix socket; empty means that
// server names the address. Config is for TLS to the provider; nil means the system's roots.
func NewTransport(server *url.URL, socket string, config *tls.Config) http.RoundTripper {
	return upstream.New(upstream.Config{Server: server, Socket: socket, TLS: config})
}

type exchangeKey struct{}

func exchangeOf(r *http.Request) *exchange { return r.Context().Value(exchangeKey{}).(*exchange) }

// newForwarder returns the proxy that all exchanges of an endpoint go through.
func newForwarder(transport http.RoundTripper) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:        func(p *httputil.ProxyRequest) { exchangeOf(p.In).setRequest(p) },
		Transport:      transport,
		BufferPool:     memoryBuffers,
		ModifyResponse: func(resp *http.Response) error { return exchangeOf(resp.Request).modifyResponse(resp) },
		ErrorHandler:   func(_ http.ResponseWriter, r *http.Request, err error) { exchangeOf(r).upstreamFailed(err) },
	}
}

// forward sends a request to the provider, and the modified response to the client. The
// timeout begins here, so that a slow client takes none of the provider's time.
func (x *exchange) forward(out outgoing, modify responseModifier) {
	ctx := context.WithValue(x.r.Context(), exchangeKey{}, x)
	if x.mayGuess() {
		// A client that disconnects early must not hide a failure: some providers delay the
		// response to a wrong secret. Its connection stays counted.
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, x.Timeout)
	defer cancel()
	in := x.r.WithContext(ctx)
	in.Header = nil // out has the header; this one would be copied
	in.Body, in.ContentLength, in.TransferEncoding, in.Trailer = http.NoBody, 0, nil, nil
	x.out, x.modify, x.sent = out, modify, time.Now()
	x.forwarder.ServeHTTP(x.w, in)
}

// setRequest makes the request to the provider.
func (x *exchange) setRequest(p *httputil.ProxyRequest) {
	p.Out.URL, p.Out.Header, p.Out.Host = x.out.target, x.out.header, x.r.Host
	x.Proxies.SetForwarded(p, x.r.Header)
	p.Out.ContentLength = int64(len(x.out.body))
	p.Out.Body = io.NopCloser(bytes.NewReader(x.out.body))
}

// upstreamFailed responds if there is no usable response of the provider.
func (x *exchange) upstreamFailed(err error) {
	x.upstreamTime = time.Since(x.sent)
	response, reason := upstreamError(err)
	// TLS that fails after the handshake fails with the request sent.
	if response == errUntrusted && !errors.Is(err, upstream.ErrUnreachable) {
		response, reason = errBrokenReply, errBrokenReply.Reason
	}
	x.Metrics.UpstreamError(string(x.Endpoint), reason)
	x.err = errors.New(reason)
	// The text of any other error may hold what the provider sent.
	if response == errUnreachable || response == errUntrusted {
		x.err = err
	}
	x.outcome = outcomeFailed
	if response == nil {
		x.outcome = outcomeCanceled
		abort()
	}
	x.respond(response)
}

// abort ends a request whose client is gone. To return would respond 200 to a client that
// only closed its sending side.
func abort() { panic(http.ErrAbortHandler) }

// upstreamError returns the error response for an error of the transport, and its reason.
// Nil means that the client is gone.
func upstreamError(err error) (response *clientauth.Error, reason string) {
	var op *net.OpError
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var timeout net.Error
	switch {
	case errors.As(err, &response):
	case errors.Is(err, upstream.ErrBusy):
		response = errBusy
	case errors.Is(err, context.Canceled):
		return nil, "canceled"
	case errors.As(err, &verification), errors.As(err, &record), errors.As(err, &alert):
		response = errUntrusted
	case errors.Is(err, upstream.ErrUnreachable), errors.As(err, &op) && op.Op == "dial":
		response = errUnreachable
	case errors.As(err, &timeout) && timeout.Timeout():
		response = errUpstreamTimeout
	default:
		response = errBrokenReply
	}
	return response, response.Reason
}
