// Package explain runs one captured request through a gateway without a provider and prints
// a redacted report: how the request is read, and what the provider would receive.
package explain

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/config"
	"oauthgw/internal/gateway"
	"oauthgw/metrics"
)

// Config configures [Run].
type Config struct {
	// Settings is the configuration of the gateway.
	Settings config.Settings
	// Endpoint is the endpoint of the request if Settings has no endpoints. Empty means
	// token.
	Endpoint clientauth.Endpoint
}

// Run reads a request from stdin and writes the report to stdout. It returns an error if the
// request is malformed or ctx ends before it is complete.
func Run(ctx context.Context, c Config, stdin io.Reader, stdout io.Writer) error {
	text, err := readRequest(ctx, stdin)
	if err != nil {
		return err
	}
	r, remark, err := parseRequest(text)
	if err != nil {
		return err
	}
	if len(c.Settings.Endpoints) == 0 {
		c.Settings.Endpoints = map[clientauth.Endpoint]*url.URL{
			cmp.Or(c.Endpoint, clientauth.Token): {Path: r.URL.Path, RawPath: r.URL.RawPath},
		}
	}
	// The gateway aborts a request whose client leaves.
	result, err := send(c.Settings, r.WithContext(context.WithoutCancel(ctx)))
	if err != nil {
		return err
	}
	result.remark = remark
	_, err = io.WriteString(stdout, result.report())
	return err
}

// result is what happened to a request.
type result struct {
	attrs    map[string]string // of the log line of the request
	response response
	upstream recordingTransport
	remark   string // about the Content-Length of the request
}

// send sends a request through a gateway.
func send(s config.Settings, r *http.Request) (*result, error) {
	x := &result{attrs: map[string]string{}, response: response{header: http.Header{}}}
	g, err := gateway.NewWithTransports(gateway.Config{Settings: s, Telemetry: gateway.Telemetry{
		Log: slog.New(recordingHandler{slog.DiscardHandler, x.attrs}), Metrics: metrics.New(metrics.Build{}),
	}}, gateway.Transports{Fronted: &x.upstream, Metadata: &x.upstream, Passthrough: &x.upstream})
	if err != nil {
		return nil, err
	}
	defer g.Close()
	r.RemoteAddr = "the-client:0" // for the address that the provider receives
	g.ServeHTTP(&x.response, r)
	return x, nil
}

// recordingHandler records the attributes of the log line of the request.
type recordingHandler struct {
	slog.Handler
	attrs map[string]string
}

// Enabled implements [slog.Handler].
func (recordingHandler) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements [slog.Handler].
func (h recordingHandler) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if r.Message == "request" {
			h.attrs[a.Key] = a.Value.String()
		}
		return true
	})
	return nil
}

// recordingTransport records the last request and answers it with an empty JSON object.
type recordingTransport struct {
	request *http.Request // nil: there was none
	body    []byte
}

// RoundTrip implements [http.RoundTripper].
func (t *recordingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.request = r
	if r.Body != nil {
		var body bytes.Buffer
		if _, err := body.ReadFrom(r.Body); err != nil {
			return nil, err
		}
		t.body = body.Bytes()
	}
	return &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   io.NopCloser(strings.NewReader("{}")),
	}, nil
}

// response is the response that the client receives.
type response struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (r *response) Header() http.Header { return r.header }

// WriteHeader implements [http.ResponseWriter].
func (r *response) WriteHeader(status int) { r.status = cmp.Or(r.status, status) }

// Write implements [http.ResponseWriter].
func (r *response) Write(p []byte) (int, error) { return r.body.Write(p) }
