// Package tracing tells OpenTelemetry of requests, as the OTEL_* variables of
// the environment say.
//
// A span holds the method, the status and what the gateway decided: words of
// closed sets. No path, query, header field or client_id is in it, because on
// the login path each of them may hold what only client and provider may know;
// that is why the instrumentation that others provide is not used. Only
// traceparent and tracestate, which are made for it, go into it: a trusted proxy's
// as the parent, a client's traceparent as a link.
//
// Without a destination nothing is traced, and a traceparent passes as it came
// (W3C Trace Context section 3.2).
package tracing

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"oauthgw/internal/responserecorder"

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

// Tracing makes spans. Nil traces nothing. It is safe for concurrent use.
type Tracing struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	wire     propagation.TraceContext
}

// New returns tracing to where the environment says, which it reads through
// getenv as far as it decides whether anything is traced; the OpenTelemetry SDK
// reads the rest itself. Version is that of this program; log is told of spans
// that could not be sent. It returns nil where nothing is asked for, and an error
// that names the variable where what is asked for is not offered. It does not
// connect.
func New(ctx context.Context, getenv func(string) string, version string, log *slog.Logger) (*Tracing, error) {
	wanted, err := wanted(getenv)
	if err != nil || !wanted {
		return nil, err
	}
	// The SDK has no other way, and by itself writes to standard error, past the
	// log.
	otel.SetLogger(logr.FromSlogHandler(complaints{log}))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { tell(log, err.Error()) }))
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("tracing as the OTEL_EXPORTER_OTLP_* variables say: %w", err)
	}
	described, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "oauthgw"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	return newTracing(sdk.WithBatcher(exporter), sdk.WithResource(described)), nil
}

func newTracing(options ...sdk.TracerProviderOption) *Tracing {
	provider := sdk.NewTracerProvider(options...)
	return &Tracing{provider: provider, tracer: provider.Tracer("oauthgw")}
}

// wanted reports whether the environment asks for traces: by naming the exporter
// or a place to send them to, because a program that sends them unasked to a port
// of this host is a surprise.
func wanted(getenv func(string) string) (bool, error) {
	const exporterName, protocolName = "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_PROTOCOL"
	place := cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
	switch exporter := getenv(exporterName); {
	case strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true"), exporter == "none", exporter == "" && place == "":
		return false, nil
	case exporter != "" && exporter != "otlp":
		return false, fmt.Errorf("%s: must be otlp or none", exporterName)
	}
	if p := cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), getenv(protocolName)); p != "" && p != "http/protobuf" {
		return false, fmt.Errorf("%s: must be http/protobuf", protocolName)
	}
	return true, checkBatches(getenv)
}

// largestNumber bounds what the SDK makes room for, and is some 17 minutes.
const largestNumber = 1_000_000

// checkBatches refuses the numbers with which the SDK's batches would panic, or
// be sent without a pause. What is no number the SDK passes over, as it is told
// to, and the log says so.
func checkBatches(getenv func(string) string) error {
	for _, name := range []string{"OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_BSP_SCHEDULE_DELAY"} {
		if n, err := strconv.Atoi(getenv(name)); err == nil && (n < 1 || n > largestNumber) {
			return fmt.Errorf("%s: must be from 1 to %d", name, largestNumber)
		}
	}
	return nil
}

// Close sends what is left, as long as ctx allows.
func (t *Tracing) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// Handler makes a span of each request that next answers, called by the method and
// the name. [Tracing.start] says what its parent is. Nil bounds tracestate all the same.
func (t *Tracing) Handler(name string, trusts func(*http.Request) bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = withoutLongState(r)
		if t == nil {
			next.ServeHTTP(w, r)
			return
		}
		ctx, span := t.start(name, r, trusts(r))
		defer span.End()
		response, w := responserecorder.Wrap(w)
		defer func() { setStatus(span, response.Status(), http.StatusInternalServerError) }()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// Transport makes a span of each request that next performs, and tells the
// provider of it by traceparent.
func (t *Tracing) Transport(next http.RoundTripper) http.RoundTripper {
	if t == nil {
		return next
	}
	return &transport{t, next}
}

// Annotate adds to the span of a request what was decided of it.
func Annotate(ctx context.Context, method, outcome string) {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.SetAttributes(attribute.String("oauthgw.auth_method", method), attribute.String("oauthgw.outcome", outcome))
	}
}

// ID returns the trace that a request belongs to. Empty means that it is not
// recorded.
func ID(ctx context.Context) string {
	if span := trace.SpanContextFromContext(ctx); span.IsSampled() {
		return span.TraceID().String()
	}
	return ""
}

// known returns a method as a word of a closed set.
func known(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "_OTHER"
}

// setStatus tells the status of an answer. One from worst on is an error; at a
// server that is 500, because a client's mistake is not its own.
func setStatus(span trace.Span, status, worst int) {
	if status == 0 {
		span.SetStatus(codes.Error, "no answer")
		return
	}
	span.SetAttributes(attribute.Int("http.response.status_code", status))
	if status >= worst {
		span.SetStatus(codes.Error, "")
	}
}
