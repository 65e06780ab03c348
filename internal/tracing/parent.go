package tracing

import (
	"context"
	"net/http"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const (
	fieldParent = "Traceparent"
	fieldState  = "Tracestate"
)

// longestState bounds a tracestate, in bytes. W3C Trace Context section 3.3.1.5 lets a
// longer one be dropped: it asks for as many to pass.
const longestState = 512

// start begins the span of a request. A trusted sender's traceparent names its parent.
// Any other client's is only linked, without tracestate, and the span is the root of a
// trace: whether it is sampled is not for strangers to decide (W3C Trace Context, on
// denial of service).
func (t *Tracing) start(name string, r *http.Request, trusted bool) (context.Context, trace.Span) {
	ctx, method := r.Context(), known(r.Method)
	options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", method), attribute.String("oauthgw.endpoint", name))}
	sender := t.wire.Extract(ctx, carrier(r.Header))
	if theirs := trace.SpanContextFromContext(sender); trusted {
		ctx = sender
	} else if theirs.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: theirs.WithTraceState(trace.TraceState{})}))
	}
	return t.tracer.Start(ctx, method+" "+name, options...)
}

// carrier returns what a header says of a trace. Two traceparents name none, and the
// values of tracestate are one list (W3C Trace Context section 3.3.1).
func carrier(h http.Header) propagation.MapCarrier {
	if len(h[fieldParent]) != 1 {
		return nil
	}
	return propagation.MapCarrier{"traceparent": h[fieldParent][0], "tracestate": strings.Join(h[fieldState], ",")}
}

// withoutLongState returns a request whose tracestate is within its bound. A longer one
// is dropped whole, also from a trusted proxy.
func withoutLongState(r *http.Request) *http.Request {
	if len(strings.Join(r.Header[fieldState], ",")) <= longestState {
		return r
	}
	bounded := *r
	bounded.Header = r.Header.Clone()
	bounded.Header.Del(fieldState)
	return &bounded
}
