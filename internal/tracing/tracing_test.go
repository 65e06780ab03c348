package tracing

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEnvironment(t *testing.T) {
	const destination, unsupported, outOfRange = "http://127.0.0.1:4318", "OTEL_EXPORTER_OTLP_PROTOCOL: must be http/protobuf", ": must be from 1 to 1000000"
	for _, test := range []struct {
		environment string
		traced      bool
		err         string
	}{
		{"", false, ""},
		{"OTEL_EXPORTER_OTLP_ENDPOINT=" + destination, true, ""},
		{"OTEL_TRACES_EXPORTER=otlp", true, ""},
		{"OTEL_TRACES_EXPORTER=none OTEL_EXPORTER_OTLP_ENDPOINT=" + destination, false, ""},
		{"OTEL_SDK_DISABLED=TRUE OTEL_EXPORTER_OTLP_ENDPOINT=" + destination, false, ""},
		{"OTEL_TRACES_EXPORTER=console", false, "OTEL_TRACES_EXPORTER: must be otlp or none"},
		{"OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_PROTOCOL=grpc", false, unsupported},
		{"OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc", false, unsupported},
		{"OTEL_TRACES_EXPORTER=otlp OTEL_BSP_MAX_QUEUE_SIZE=-1", false, "OTEL_BSP_MAX_QUEUE_SIZE" + outOfRange},
		{"OTEL_TRACES_EXPORTER=otlp OTEL_BSP_SCHEDULE_DELAY=0", false, "OTEL_BSP_SCHEDULE_DELAY" + outOfRange},
	} {
		t.Run(test.environment, func(t *testing.T) {
			for variable := range strings.FieldsSeq(test.environment) {
				name, value, _ := strings.Cut(variable, "=")
				t.Setenv(name, value) // the SDK reads it too
			}
			tracing, err := New(t.Context(), os.Getenv, "v1", slog.New(slog.DiscardHandler))
			if (tracing != nil) != test.traced || err == nil && test.err != "" || err != nil && err.Error() != test.err {
				t.Errorf("%v, %v", tracing, err)
			}
			if err := tracing.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// Errors of the collector are logged, shortened. No log has what may be a key.
func TestErrorsAreLogged(t *testing.T) {
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, strings.Repeat("canary", 1<<16))
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "canary,key=%zzcanary")
	var log bytes.Buffer
	tracing, err := New(t.Context(), os.Getenv, "v1", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	_, end := tracing.Start("token", httptest.NewRequest("GET", "/", nil), anyone)
	end(404)
	_ = tracing.Close(t.Context())
	text := log.String()
	if strings.Contains(text, "canary") || len(text) > 512 || !strings.Contains(text, "400 Bad Request") {
		t.Errorf("the log has %d bytes:\n%.1000s", len(text), text)
	}
}

func anyone(*http.Request) bool { return true }

// The provider receives a trusted proxy's tracestate, if its traceparent is valid and it is
// not too long.
func TestTracestate(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	long := "a=" + strings.Repeat("x", 254) + ",b=" + strings.Repeat("y", 253)
	for _, test := range []struct {
		parents, states []string
		want            string
	}{
		{[]string{parent}, []string{"a=b", "c=d"}, "a=b,c=d"},
		{[]string{parent}, []string{long}, long},
		{[]string{parent}, []string{long + "y"}, ""},
		{[]string{"00-0"}, []string{"a=b"}, ""},
		{[]string{parent, parent}, []string{"a=b"}, ""},
		{nil, []string{"a=b"}, ""},
	} {
		tracing, got := newTracing(), ""
		provider := tracing.Transport(roundTripper(func(r *http.Request) (*http.Response, error) {
			got = r.Header.Get("Tracestate")
			return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
		}))
		r := httptest.NewRequest("GET", "http://provider.example/", nil)
		r.Header["Traceparent"], r.Header["Tracestate"] = test.parents, test.states
		r, _ = tracing.Start("token", r, anyone)
		if _, err := provider.RoundTrip(r); err != nil {
			t.Error(err)
		}
		if got != test.want {
			t.Errorf("under %q the provider received %q, want %q", test.parents, got, test.want)
		}
	}
}

// roundTripper implements [http.RoundTripper] with a function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The traceparent of a client that is not trusted becomes a link. It decides neither the
// trace nor whether it is sampled, and its tracestate is dropped.
func TestA190UntrustedParentsBecomeLinks(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0"
	for _, test := range []struct {
		sampled, trusted bool
		ratio            float64
		spans            int
	}{
		{true, false, 0, 0}, {true, true, 0, 1}, {false, false, 1, 1}, {false, true, 1, 0},
	} {
		recorded := tracetest.NewInMemoryExporter()
		tracing := newTracing(sdk.WithSyncer(recorded), sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(test.ratio))))
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Traceparent", parent+map[bool]string{true: "1", false: "0"}[test.sampled])
		r.Header.Set("Tracestate", "a=canary")
		_, end := tracing.Start("token", r, func(*http.Request) bool { return test.trusted })
		end(404)
		spans := recorded.GetSpans()
		if len(spans) != test.spans {
			t.Errorf("%+v: %d spans", test, len(spans))
		}
		for _, s := range spans {
			if continued := s.SpanContext.TraceID().String() == parent[3:35]; continued != test.trusted {
				t.Errorf("%+v: the span is %v", test, s.SpanContext)
			}
			if !test.trusted && (s.Parent.IsValid() || len(s.Links) != 1 || s.Links[0].SpanContext.TraceID().String() != parent[3:35] ||
				s.Links[0].SpanContext.TraceState().Len() != 0 || s.SpanContext.TraceState().Len() != 0) {
				t.Errorf("%+v: a span below %v with links %v", test, s.Parent, s.Links)
			}
		}
	}
}

// Spans contain only words of closed sets, whatever the request, the response or an error
// contains.
func TestSpans(t *testing.T) {
	for status, want := range map[int]string{
		200: "client POST Unset POST provider.example 200\nserver POST token Unset POST token none word 200\n",
		400: "client POST Error POST provider.example 400\nserver POST token Unset POST token none word 400\n",
		500: "client POST Error POST provider.example 500\nserver POST token Error POST token none word 500\n",
		0:   "client _OTHER Error no response _OTHER provider.example\nserver _OTHER token Error no response _OTHER token none word\n",
	} {
		recorded := tracetest.NewInMemoryExporter()
		tracing := newTracing(sdk.WithSyncer(recorded))
		transport := tracing.Transport(roundTripper(func(*http.Request) (*http.Response, error) {
			if status == 0 {
				return nil, errors.New("canary")
			}
			return &http.Response{StatusCode: status, Body: http.NoBody}, nil
		}))
		method := map[bool]string{false: "POST", true: "CANARY"}[status == 0]
		r := httptest.NewRequest(method, "http://provider.example/canary?canary", strings.NewReader("canary"))
		r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		r.Header.Set("Authorization", "canary")
		r, end := tracing.Start("token", r, anyone)
		_, _ = transport.RoundTrip(r)
		Annotate(r.Context(), "none", "word")
		end(status)
		var got strings.Builder
		for _, s := range recorded.GetSpans() {
			fmt.Fprintf(&got, "%v %s %v", s.SpanKind, s.Name, s.Status.Code)
			if s.Status.Description != "" {
				got.WriteString(" " + s.Status.Description)
			}
			for _, a := range s.Attributes {
				fmt.Fprintf(&got, " %v", a.Value.AsInterface())
			}
			got.WriteString("\n")
			if id := s.SpanContext.TraceID().String(); id != "0af7651916cd43dd8448eb211c80319c" {
				t.Errorf("%s belongs to %s", s.Name, id)
			}
		}
		if got.String() != want {
			t.Errorf("got\n%swant\n%s", got.String(), want)
		}
	}
}
