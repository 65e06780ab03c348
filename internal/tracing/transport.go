package tracing

import (
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
	// Of a trace that the request does not belong to nothing goes on (W3C Trace Context
	// section 3.3.1.1).
	r.Header.Del(fieldState)
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
