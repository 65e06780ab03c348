package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/upstream"
)

// forward sends a request to the provider and the completed reply to the
// client. The provider's time begins here, so that a slow client takes none of it.
func (x *exchange) forward(out outgoing) {
	ctx := x.r.Context()
	if x.mayGuess() {
		// A client that leaves early must not hide a failure: some providers delay
		// their response to a wrong secret. Its connection stays counted meanwhile.
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, x.Timeout)
	defer cancel()
	in := x.r.WithContext(ctx)
	in.Header = nil // it would be copied: what goes on is in out
	in.Body, in.ContentLength, in.TransferEncoding, in.Trailer = http.NoBody, 0, nil, nil
	x.sent = time.Now()
	frame := httputil.ReverseProxy{
		Rewrite:        func(p *httputil.ProxyRequest) { x.address(p, out) },
		Transport:      x.Transport,
		BufferPool:     replyBuffers,
		ModifyResponse: x.complete,
		ErrorHandler:   func(_ http.ResponseWriter, _ *http.Request, err error) { x.upstreamFailed(err) },
	}
	frame.ServeHTTP(x.w, in)
}

// address directs a request to the endpoint and gives it its body.
func (x *exchange) address(p *httputil.ProxyRequest, out outgoing) {
	p.Out.URL, p.Out.Header, p.Out.Host = out.target, out.header, x.r.Host
	x.Proxies.SetForwarded(p, x.r.Header)
	p.Out.ContentLength = int64(len(out.body))
	p.Out.Body = io.NopCloser(bytes.NewReader(out.body))
}

// upstreamFailed answers for a provider that brought no usable reply.
func (x *exchange) upstreamFailed(err error) {
	x.waited = time.Since(x.sent)
	refusal, reason := upstreamFault(err)
	// Protection that breaks behind the handshake breaks with the request sent.
	if refusal == errUntrusted && !errors.Is(err, upstream.ErrUnreachable) {
		refusal, reason = errBrokenReply, errBrokenReply.Reason
	}
	x.Metrics.UpstreamError(string(x.Endpoint), reason)
	x.fault = errors.New(reason)
	// The text of any other error may hold what the provider sent.
	if refusal == errUnreachable || refusal == errUntrusted {
		x.fault = err
	}
	x.outcome = outcomeFailed
	if refusal == nil {
		x.outcome = outcomeCanceled
		abort()
	}
	x.write(refusal)
}

// abort ends an exchange whose client has gone. Returning instead would
// answer 200 to a client that only closed its sending side.
func abort() {
	panic(http.ErrAbortHandler)
}

// upstreamFault says of an error in reaching the provider what the client is
// told, and its reason in one word. Nil means that there is nobody to tell.
func upstreamFault(err error) (refusal *clientauth.Error, reason string) {
	var op *net.OpError
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var invalid x509.CertificateInvalidError
	var timeout net.Error
	switch {
	case errors.As(err, &refusal):
		return refusal, refusal.Reason
	case errors.Is(err, upstream.ErrBusy):
		return errBusy, errBusy.Reason
	case errors.Is(err, context.Canceled):
		return nil, "canceled"
	case errors.As(err, &verification), errors.As(err, &invalid), errors.As(err, &record), errors.As(err, &alert):
		return errUntrusted, errUntrusted.Reason
	case errors.Is(err, upstream.ErrUnreachable), errors.As(err, &op) && op.Op == "dial":
		return errUnreachable, errUnreachable.Reason
	case errors.As(err, &timeout) && timeout.Timeout():
		return errUpstreamTimeout, errUpstreamTimeout.Reason
	}
	return errBrokenReply, errBrokenReply.Reason
}
