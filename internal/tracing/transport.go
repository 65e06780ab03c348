package tracing

import (
	"bufio"
	"net"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

type transport struct {
	*Tracing
	next http.RoundTripper
}

// RoundTrip implements [http.RoundTripper]. The span ends with the reply's
// header: a stream may go on for hours.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	method := known(r.Method)
	ctx, span := t.tracer.Start(r.Context(), method, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("http.request.method", method), attribute.String("server.address", r.URL.Hostname())))
	defer span.End()
	r = r.Clone(ctx)
	// Of a traceparent that cannot be read nothing goes on (W3C Trace Context
	// section 3.3.1.1).
	r.Header.Del("Tracestate")
	t.wire.Inject(ctx, propagation.HeaderCarrier(r.Header))
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		// Its text may hold what the provider sent.
		span.SetStatus(codes.Error, "no reply")
		return nil, err
	}
	setStatus(span, resp.StatusCode, http.StatusBadRequest)
	return resp, nil
}

// CloseIdleConnections lets [http.Client.CloseIdleConnections] reach the
// transport.
func (t *transport) CloseIdleConnections() {
	(&http.Client{Transport: t.next}).CloseIdleConnections()
}

// statusRecorder remembers the status of an answer.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (r *statusRecorder) WriteHeader(status int) {
	if r.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements [io.Writer].
func (r *statusRecorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Hijack implements [http.Hijacker]. A connection is given away to switch
// protocols, and the answer that says so is written past this.
func (r *statusRecorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if r.status == 0 {
		r.status = http.StatusSwitchingProtocols
	}
	return http.NewResponseController(r.ResponseWriter).Hijack()
}

// Unwrap lets [http.ResponseController] reach the connection.
func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
