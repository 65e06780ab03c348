package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"oauthgw/clientauth"
	"oauthgw/internal/config"
	"oauthgw/metrics"
	"slices"
	"strings"
)

// explain is the command that reads a request and tells how the gateway would
// read it and what the provider would receive, without secrets. The request
// goes the way of every request through a whole gateway; only the provider is
// not there.
func explain(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	flags := newFlags("explain", stderr)
	file := flags.String("config.file", "", "the configuration `file`, in YAML; without it, everything at its default")
	name := flags.String("endpoint", "", "the `name` of the endpoint that the request is for, where the configuration names none; empty: token")
	if err := parse(flags, args); err != nil {
		return err
	}
	s, err := explainedSettings(*file, *name)
	if err != nil {
		return err
	}
	text, err := readCapture(ctx, stdin)
	if err != nil {
		return err
	}
	r, remark, err := parseCapture(text)
	if err != nil {
		return err
	}
	if len(s.Endpoints) == 0 {
		s.Endpoints = map[clientauth.Endpoint]*url.URL{
			clientauth.Endpoint(cmp.Or(*name, string(clientauth.Token))): {Path: r.URL.Path, RawPath: r.URL.RawPath},
		}
	}
	// A gateway whose client has gone abandons the exchange.
	x, err := observe(s, r.WithContext(context.WithoutCancel(ctx)))
	if err != nil {
		return err
	}
	x.remark = remark
	_, err = io.WriteString(stdout, x.String())
	return err
}

// explainedSettings reads the settings that a request is explained by. Without
// a file no provider is needed, since none is asked.
func explainedSettings(file, endpoint string) (config.Settings, error) {
	overrides := map[string]string{}
	if file == "" {
		overrides["upstream.url"] = "https://provider.example"
	}
	s, err := config.Load(file, overrides)
	switch {
	case endpoint == "":
	case !slices.Contains(clientauth.Endpoints(), clientauth.Endpoint(endpoint)):
		err = errors.Join(err, fmt.Errorf("--endpoint: must be one of %s", strings.ReplaceAll(strings.Trim(fmt.Sprint(clientauth.Endpoints()), "[]"), " ", ", ")))
	case len(s.Endpoints) > 0:
		err = errors.Join(err, errors.New("--endpoint: the configuration names the endpoints, and the path of the request tells which it is; leave the flag out"))
	}
	return s, err
}

// observed is what an exchange looks like from all sides.
type observed struct {
	line     exchangeLine
	answer   answer
	provider absentProvider
	remark   string
}

// exchangeLine is the log line of an exchange.
type exchangeLine struct {
	Msg        string
	Endpoint   string
	Outcome    string
	ClientAuth string `json:"auth_method"`
	ClientID   string `json:"client_id"`
	Reading    string `json:"basic_decoding"`
	Tolerated  string `json:"conflict_tolerated"`
}

// observe carries a request through a gateway.
func observe(s config.Settings, r *http.Request) (*observed, error) {
	x := &observed{answer: answer{header: http.Header{}}}
	var log bytes.Buffer
	g, err := newGatewayOver(ways{&x.provider, &x.provider, &x.provider}, s, observers{
		newLog: func(config.Settings) *slog.Logger { return slog.New(slog.NewJSONHandler(&log, nil)) }, metrics: metrics.New(build())})
	if err != nil {
		return nil, err
	}
	defer g.close()
	r.RemoteAddr = "the-client:0" // what the provider is told of the client
	g.ServeHTTP(&x.answer, r)
	for line := range strings.Lines(log.String()) {
		var l exchangeLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			return nil, fmt.Errorf("explain: the gateway's log: %w", err)
		}
		if l.Msg == "request" {
			x.line = l
		}
	}
	return x, nil
}

// absentProvider takes down the last request that it is sent, and accepts it.
// It is a provider without a network before it.
type absentProvider struct {
	request *http.Request // nil: it was not asked
	body    []byte
}

// RoundTrip implements [http.RoundTripper].
func (p *absentProvider) RoundTrip(r *http.Request) (*http.Response, error) {
	p.request = r
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		p.body = body
	}
	return &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   io.NopCloser(strings.NewReader("{}")),
	}, nil
}

// answer is what the client receives.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements [http.ResponseWriter].
func (a *answer) WriteHeader(status int) { a.status = cmp.Or(a.status, status) }

// Write implements [http.ResponseWriter].
func (a *answer) Write(text []byte) (int, error) { return a.body.Write(text) }
