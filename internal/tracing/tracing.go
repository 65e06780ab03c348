// Package tracing records a span of each request and of each request to the provider, and
// exports them as the OTEL_* environment variables say.
//
// Paths, queries and headers contain secrets here, so a span has only words of closed sets.
package tracing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Tracing records spans. Nil records none.
type Tracing struct {
	provider   *sdk.TracerProvider
	tracer     trace.Tracer
	propagator propagation.TraceContext
}

// New returns tracing as the environment configures it, or nil if it names no destination.
// The SDK reads most variables itself; getenv provides those that New checks.
func New(ctx context.Context, getenv func(string) string, version string, log *slog.Logger) (*Tracing, error) {
	enabled, err := checkEnvironment(getenv)
	if err != nil || !enabled {
		return nil, err
	}
	// The SDK has only global loggers. It logs values that it cannot use, which may be keys.
	otel.SetLogger(logr.Discard())
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		text, _, _ := strings.Cut(err.Error(), " (body: ") // the collector's response may repeat a key
		log.Warn("tracing failed", "err", strings.ToValidUTF8(text[:min(len(text), 256)], ""))
	}))
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_*: %w", err)
	}
	service, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "oauthgw"),
		attribute.String("service.version", version)), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	return newTracing(sdk.WithBatcher(exporter), sdk.WithResource(service)), nil
}

func newTracing(options ...sdk.TracerProviderOption) *Tracing {
	provider := sdk.NewTracerProvider(options...)
	return &Tracing{provider: provider, tracer: provider.Tracer("oauthgw")}
}

// checkEnvironment reports whether the environment names an exporter or a destination: by
// default the SDK exports to this host. With some values the SDK would panic or never pause.
func checkEnvironment(getenv func(string) string) (enabled bool, err error) {
	exporter := getenv("OTEL_TRACES_EXPORTER")
	destination := cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
	switch {
	case strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true"), exporter == "none", exporter == "" && destination == "":
		return false, nil
	case exporter != "" && exporter != "otlp":
		return false, errors.New("OTEL_TRACES_EXPORTER: must be otlp or none")
	}
	if p := cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), getenv("OTEL_EXPORTER_OTLP_PROTOCOL")); p != "" && p != "http/protobuf" {
		return false, errors.New("OTEL_EXPORTER_OTLP_PROTOCOL: must be http/protobuf")
	}
	for _, name := range []string{"OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BSP_SCHEDULE_DELAY"} {
		if n, err := strconv.Atoi(getenv(name)); err == nil && (n < 1 || n > 1_000_000) {
			return false, fmt.Errorf("%s: must be from 1 to 1000000", name)
		}
	}
	return true, nil
}

// Close exports the remaining spans.
func (t *Tracing) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Start starts the span of a request to an endpoint, and removes a tracestate that is too
// long. The caller must call end with the status of the response; zero means none.
//
// A trusted request continues the trace it names. Any other is the root of a trace with a
// link to it, so that clients do not decide what is sampled.
func (t *Tracing) Start(endpoint string, r *http.Request, trusted func(*http.Request) bool) (_ *http.Request, end func(status int)) {
	parents, state := r.Header["Traceparent"], strings.Join(r.Header["Tracestate"], ",")
	if len(state) > 512 { // W3C Trace Context section 3.3.1.5
		r, state = r.Clone(r.Context()), ""
		r.Header.Del("Tracestate")
	}
	if t == nil {
		return r, func(int) {}
	}
	ctx, method := r.Context(), knownMethod(r.Method)
	options := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", method), attribute.String("oauthgw.endpoint", endpoint))}
	if len(parents) == 1 { // W3C Trace Context section 3.2.2: more are none
		parentCtx := t.propagator.Extract(ctx, propagation.MapCarrier{"traceparent": parents[0], "tracestate": state})
		if parent := trace.SpanContextFromContext(parentCtx); trusted(r) {
			ctx = parentCtx
		} else if parent.IsValid() {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: parent.WithTraceState(trace.TraceState{})}))
		}
	}
	ctx, span := t.tracer.Start(ctx, method+" "+endpoint, options...)
	return r.WithContext(ctx), func(status int) {
		setStatus(span, status, http.StatusInternalServerError)
		span.End()
	}
}

// Transport records a span of each request, up to the response header, and sends traceparent.
func (t *Tracing) Transport(next http.RoundTripper) http.RoundTripper {
	if t == nil {
		return next
	}
	return &transport{t, next}
}

type transport struct {
	*Tracing
	next http.RoundTripper
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	method := knownMethod(r.Method)
	ctx, span := t.tracer.Start(r.Context(), method, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("http.request.method", method), attribute.String("server.address", r.URL.Hostname())))
	defer span.End()
	r = r.Clone(ctx)
	r.Header.Del("Tracestate") // of another trace (W3C Trace Context section 3.3.1.1)
	t.propagator.Inject(ctx, propagation.HeaderCarrier(r.Header))
	resp, err := t.next.RoundTrip(r)
	status := 0 // without the error, which may contain what the provider sent
	if err == nil {
		status = resp.StatusCode
	}
	setStatus(span, status, http.StatusBadRequest)
	return resp, err
}

func (t *transport) CloseIdleConnections() { (&http.Client{Transport: t.next}).CloseIdleConnections() }

// Annotate adds the gateway's decision to the span of a request.
func Annotate(ctx context.Context, method, outcome string) {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.SetAttributes(attribute.String("oauthgw.auth_method", method), attribute.String("oauthgw.outcome", outcome))
	}
}

// ID returns the ID of the recorded trace that a request belongs to, or "".
func ID(ctx context.Context) string {
	if span := trace.SpanContextFromContext(ctx); span.IsSampled() {
		return span.TraceID().String()
	}
	return ""
}

// knownMethod replaces a method that a client invented.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "_OTHER"
}

// setStatus records the status of a response. Statuses from firstError on are errors.
func setStatus(span trace.Span, status, firstError int) {
	if status == 0 {
		span.SetStatus(codes.Error, "no response")
		return
	}
	if status >= firstError {
		span.SetStatus(codes.Error, "")
	}
	span.SetAttributes(attribute.Int("http.response.status_code", status))
}
