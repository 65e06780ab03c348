package proxy

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/responserecorder"
	"oauthgw/internal/upstream"
)

type exchangeKey struct{} // of the exchange in the context of a request to the provider

// newForwarder returns the proxy of an endpoint. It takes each exchange from its request.
func newForwarder(c Config) *httputil.ReverseProxy {
	of := func(r *http.Request) *exchange { return r.Context().Value(exchangeKey{}).(*exchange) }
	return &httputil.ReverseProxy{
		Rewrite:        func(p *httputil.ProxyRequest) { of(p.In).setRequest(p) },
		Transport:      c.Transport,
		BufferPool:     memoryBuffers,
		ErrorLog:       unlogged,
		ModifyResponse: func(resp *http.Response) error { return of(resp.Request).modifyResponse(resp) },
		ErrorHandler:   func(_ http.ResponseWriter, r *http.Request, err error) { of(r).upstreamFailed(err) },
	}
}

// forward sends a request to the provider, and the response to the client. Modify sets the outcome
// of the response and corrects it. The transport's timeout begins here, so that a slow client
// takes none of the provider's time.
func (x *exchange) forward(out outgoing, modify func(*response)) {
	x.out, x.modify = out, modify
	ctx := x.r.Context()
	if x.mayGuess() {
		// A client that disconnects early must not hide a failure: some providers delay the
		// response to a wrong secret. Its connection stays counted.
		ctx = context.WithoutCancel(ctx)
	}
	in := x.r.WithContext(context.WithValue(ctx, exchangeKey{}, x))
	in.Header = nil // it would be copied
	in.Body, in.ContentLength, in.TransferEncoding, in.Trailer = http.NoBody, 0, nil, nil
	x.sent = time.Now()
	x.forwarder.ServeHTTP(x.w, in)
}

// setRequest makes the request to the provider.
func (x *exchange) setRequest(p *httputil.ProxyRequest) {
	p.Out.URL, p.Out.Header, p.Out.Host = x.out.target, x.out.header, cmp.Or(x.Host, x.r.Host)
	x.Proxies.SetForwarded(p, x.r.Header)
	p.Out.ContentLength, p.Out.Body = int64(len(x.out.body)), io.NopCloser(strings.NewReader(x.out.body))
}

// upstreamFailed responds if there is no usable response of the provider.
func (x *exchange) upstreamFailed(err error) {
	x.upstreamTime = time.Since(x.sent)
	x.recorder.Fail(responserecorder.Client, x.r.Context().Err()) // the client may be gone already
	response := upstreamError(err)
	// If TLS fails after the handshake, the request was sent.
	if response == errUntrusted && !errors.Is(err, upstream.ErrUnreachable) {
		response = errBrokenReply
	}
	x.failure = response.Reason
	x.Metrics.UpstreamError.Inc(string(x.Endpoint), x.failure)
	if x.err == nil {
		x.err = errors.New(x.failure)
	}
	// The text of any other error may hold what the provider sent.
	if response == errUnreachable || response == errUntrusted {
		x.err = err
	}
	x.outcome = OutcomeFailed
	if response == errCanceled {
		x.outcome = OutcomeCanceled
		abort()
	}
	x.respond(response)
}

// abort ends a request whose client is gone. Returning would respond 200 to a client that only
// closed its sending side.
func abort() { panic(http.ErrAbortHandler) }

var errCanceled = &clientauth.Error{Reason: "canceled"} // never sent: the client is gone

// upstreamError returns the error response for an error of the transport.
func upstreamError(err error) (response *clientauth.Error) {
	var op *net.OpError
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var timeout net.Error
	switch {
	case errors.As(err, &response):
		return response
	case errors.Is(err, upstream.ErrBusy):
		return errBusy
	case errors.Is(err, context.Canceled):
		return errCanceled
	case errors.As(err, &verification), errors.As(err, &record), errors.As(err, &alert):
		return errUntrusted
	case errors.Is(err, upstream.ErrUnreachable), errors.As(err, &op) && op.Op == "dial":
		return errUnreachable
	case errors.As(err, &timeout) && timeout.Timeout():
		return errUpstreamTimeout
	}
	return errBrokenReply
}
