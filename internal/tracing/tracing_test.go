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
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// Nothing is traced unless the environment names an exporter or a place, and
// what it asks for beyond that is refused by name.
func TestEnvironment(t *testing.T) {
	const place = "http://127.0.0.1:4318"
	for name, test := range map[string]struct {
		environment map[string]string
		traced      bool
		err         string
	}{
		"nothing":        {nil, false, ""},
		"a place":        {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": place}, true, ""},
		"a traces place": {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": place}, true, ""},
		"otlp":           {map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}, true, ""},
		"none":           {map[string]string{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": place}, false, ""},
		"disabled":       {map[string]string{"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": place}, false, ""},
		"DISABLED":       {map[string]string{"OTEL_SDK_DISABLED": "TRUE", "OTEL_EXPORTER_OTLP_ENDPOINT": place}, false, ""},
		"another":        {map[string]string{"OTEL_TRACES_EXPORTER": "console"}, false, "OTEL_TRACES_EXPORTER: must be otlp or none"},
		"protobuf":       {map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, true, ""},
		"grpc":           {map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, false, "OTEL_EXPORTER_OTLP_PROTOCOL: must be http/protobuf"},
		"grpc of traces": {map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, false, "OTEL_EXPORTER_OTLP_PROTOCOL: must be http/protobuf"},
		"no queue":       {otlpWith("OTEL_BSP_MAX_QUEUE_SIZE", "-1"), false, "OTEL_BSP_MAX_QUEUE_SIZE: must be from 1 to 1000000"},
		"endless queue":  {otlpWith("OTEL_BSP_MAX_QUEUE_SIZE", "9223372036854775807"), false, "OTEL_BSP_MAX_QUEUE_SIZE: must be from 1 to 1000000"},
		"no batch":       {otlpWith("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "-1"), false, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE: must be from 1 to 1000000"},
		"no pause":       {otlpWith("OTEL_BSP_SCHEDULE_DELAY", "0"), false, "OTEL_BSP_SCHEDULE_DELAY: must be from 1 to 1000000"},
		"largest queue":  {otlpWith("OTEL_BSP_MAX_QUEUE_SIZE", "1000000"), true, ""},
		"no number":      {otlpWith("OTEL_BSP_MAX_QUEUE_SIZE", "many"), true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for name, value := range test.environment {
				t.Setenv(name, value) // the SDK looks there
			}
			tracing, err := New(t.Context(), func(name string) string { return test.environment[name] }, "v1", slog.New(slog.DiscardHandler))
			if (tracing != nil) != test.traced || err == nil && test.err != "" || err != nil && err.Error() != test.err {
				t.Errorf("%v, %v", tracing, err)
			}
			if err := tracing.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func otlpWith(name, value string) map[string]string {
	return map[string]string{"OTEL_TRACES_EXPORTER": "otlp", name: value}
}

// What is wrong with the environment, or with a collector's answers, is in the
// log, in few words and without what may be a key.
func TestComplaints(t *testing.T) {
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
	tracing.Handler("token", anyone, http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	fault := tracing.Close(t.Context())
	text := log.String()
	if strings.Contains(text, "canary") || len(text) > 2048 {
		t.Errorf("the log is %d octets long:\n%.1000s", len(text), text)
	}
	for _, want := range []string{"parse headers: an OTEL_* variable cannot be used", "400 Bad Request"} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %q (%v):\n%s", want, fault, text)
		}
	}
}

func anyone(*http.Request) bool { return true }

// The provider goes on with a trusted proxy's trace, and hears nothing of one that
// cannot be read.
func TestTracestate(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, test := range []struct {
		parents, states []string
		want            string
	}{
		{[]string{parent}, []string{"a=b"}, "a=b"},
		{[]string{parent}, []string{"a=b", "c=d"}, "a=b,c=d"},
		{[]string{parent}, []string{"a=" + strings.Repeat("x", 254), "b=" + strings.Repeat("y", 253)}, "a=" + strings.Repeat("x", 254) + ",b=" + strings.Repeat("y", 253)},
		{[]string{parent}, []string{"a=" + strings.Repeat("x", 254), "b=" + strings.Repeat("y", 254)}, ""},
		{[]string{"00-0"}, []string{"a=b"}, ""},
		{[]string{parent, parent}, []string{"a=b"}, ""},
		{nil, []string{"a=b"}, ""},
	} {
		tracing := newTracing()
		var got string
		provider := tracing.Transport(roundTripper(func(r *http.Request) (*http.Response, error) {
			got = r.Header.Get("Tracestate")
			return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
		}))
		r := httptest.NewRequest("GET", "http://provider.example/", nil)
		r.Header["Traceparent"], r.Header["Tracestate"] = test.parents, test.states
		tracing.Handler("token", anyone, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if _, err := provider.RoundTrip(r); err != nil {
				t.Error(err)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
		if got != test.want {
			t.Errorf("under %q the provider received %q, want %q", test.parents, got, test.want)
		}
	}
}

// A connection that switched protocols was answered.
func TestSwitchedProtocols(t *testing.T) {
	recorded, ended := tracetest.NewInMemoryExporter(), make(chan struct{})
	traced := newTracing(sdk.WithSyncer(recorded)).Handler("passthrough", anyone, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: a\r\n\r\n")
	}))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		traced.ServeHTTP(w, r)
		close(ended) // the server does not wait for a connection that it gave away
	}))
	defer server.Close()
	resp, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	<-ended
	spans := recorded.GetSpans()
	if len(spans) != 1 || spans[0].Status.Code != codes.Unset || !slices.Contains(spans[0].Attributes, attribute.Int("http.response.status_code", 101)) {
		t.Errorf("%v", spans)
	}
}

// roundTripper is a function that performs requests.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A stranger's traceparent is linked to the span and decides nothing: neither the trace
// nor whether it is sampled. Its tracestate goes nowhere.
func TestA190StrangersDecideNothing(t *testing.T) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0"
	for _, test := range []struct {
		sampled, trusted bool // by the parent; the sender
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
		tracing.Handler("token", func(*http.Request) bool { return test.trusted }, http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
		spans := recorded.GetSpans()
		if len(spans) != test.spans {
			t.Errorf("%+v: %d spans", test, len(spans))
		}
		for _, s := range spans {
			if continued := s.SpanContext.TraceID().String() == parent[3:35]; continued != test.trusted {
				t.Errorf("%+v: the span is %v", test, s.SpanContext)
			}
			if test.trusted {
				continue
			}
			if s.Parent.IsValid() || len(s.Links) != 1 || s.Links[0].SpanContext.TraceID().String() != parent[3:35] || s.Links[0].SpanContext.TraceState().Len() != 0 || s.SpanContext.TraceState().Len() != 0 {
				t.Errorf("%+v: a span below %v with links %v", test, s.Parent, s.Links)
			}
		}
	}
}

// Spans tell what happened in words of closed sets, whatever the request, the
// answer or an error holds.
func TestSpans(t *testing.T) {
	answer := func(status int) roundTripper {
		return func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Body: http.NoBody}, nil
		}
	}
	for name, test := range map[string]struct {
		method   string
		provider roundTripper
		want     string
	}{
		"accepted": {"POST", answer(200), `client POST Unset [http.request.method=POST server.address=provider.example http.response.status_code=200]
server POST token Unset [http.request.method=POST oauthgw.endpoint=token oauthgw.auth_method=none oauthgw.outcome=word http.response.status_code=200]
`},
		"refused": {"POST", answer(400), `client POST Error [http.request.method=POST server.address=provider.example http.response.status_code=400]
server POST token Unset [http.request.method=POST oauthgw.endpoint=token oauthgw.auth_method=none oauthgw.outcome=word http.response.status_code=400]
`},
		"failed": {"CANARY", answer(500), `client _OTHER Error [http.request.method=_OTHER server.address=provider.example http.response.status_code=500]
server _OTHER token Error [http.request.method=_OTHER oauthgw.endpoint=token oauthgw.auth_method=none oauthgw.outcome=word http.response.status_code=500]
`},
		"unanswered": {"POST", func(*http.Request) (*http.Response, error) { return nil, errors.New("canary") }, `client POST Error no reply [http.request.method=POST server.address=provider.example]
server POST token Error no answer [http.request.method=POST oauthgw.endpoint=token oauthgw.auth_method=none oauthgw.outcome=word]
`},
	} {
		t.Run(name, func(t *testing.T) {
			recorded := tracetest.NewInMemoryExporter()
			tracing := newTracing(sdk.WithSyncer(recorded))
			performs := tracing.Transport(test.provider)
			h := tracing.Handler("token", anyone, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				out, err := http.NewRequestWithContext(r.Context(), r.Method, "http://provider.example/canary?canary", nil)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := performs.RoundTrip(out)
				Annotate(r.Context(), "none", "word")
				if err == nil {
					w.WriteHeader(http.StatusEarlyHints)
					w.WriteHeader(resp.StatusCode)
				}
			}))
			r := httptest.NewRequest(test.method, "/canary?canary", strings.NewReader("canary"))
			r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
			r.Header.Set("Authorization", "canary")
			h.ServeHTTP(httptest.NewRecorder(), r)
			var got strings.Builder
			for _, s := range recorded.GetSpans() {
				fmt.Fprintf(&got, "%v %s %v", s.SpanKind, s.Name, s.Status.Code)
				if s.Status.Description != "" {
					got.WriteString(" " + s.Status.Description)
				}
				got.WriteString(" [")
				for i, a := range s.Attributes {
					fmt.Fprintf(&got, "%s%s=%v", strings.Repeat(" ", min(i, 1)), a.Key, a.Value.AsInterface())
				}
				got.WriteString("]\n")
				if id := s.SpanContext.TraceID().String(); id != "0af7651916cd43dd8448eb211c80319c" {
					t.Errorf("%s belongs to %s", s.Name, id)
				}
			}
			if got.String() != test.want {
				t.Errorf("got\n%swant\n%s", got.String(), test.want)
			}
		})
	}
}

// Without tracing a request passes as it is, but for a long tracestate.
func TestNothingIsTraced(t *testing.T) {
	var none *Tracing
	for state, passes := range map[string]bool{"a=b": true, "a=" + strings.Repeat("x", 511): false} {
		sent := httptest.NewRequest("GET", "/", nil)
		sent.Header.Set("Traceparent", "kept")
		sent.Header.Set("Tracestate", state)
		none.Handler("token", anyone, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Tracestate"); (got == state) != passes || !passes && got != "" || r.Header.Get("Traceparent") != "kept" {
				t.Errorf("arrived with %v", r.Header)
			}
		})).ServeHTTP(httptest.NewRecorder(), sent)
		if sent.Header.Get("Tracestate") != state {
			t.Error("the header that the server holds was changed")
		}
	}
	if rt := none.Transport(http.DefaultTransport); rt != http.DefaultTransport {
		t.Errorf("%T", rt)
	}
	if id := ID(t.Context()); id != "" {
		t.Error(id)
	}
}
