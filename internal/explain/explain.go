// Package explain runs one captured request through a gateway without a provider and prints
// a redacted report: how the request is read, and what the provider would receive.
package explain

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/assertion"
	"oauthgw/internal/config"
	"oauthgw/internal/gateway"
	"oauthgw/metrics"
)

// Errors of [Run] for a request that the gateway refuses, or whose assertion is signed with a key
// that is not known here.
var (
	ErrRefused   = errors.New("the gateway refuses the request")
	ErrNotJudged = errors.New("the keys at jwks_uri are not fetched, so the assertion cannot be verified; write them into a file, and explain the request with jwks_file")
)

// Run reads a request from stdin and writes the report to stdout. If the settings have no
// endpoints, the request is one to endpoint, or to the token endpoint if that is empty, and the
// provider has the endpoints that lending a secret needs. Run returns an error if the request is
// malformed, or if the gateway refuses it or cannot judge it here.
func Run(s config.Settings, endpoint clientauth.Endpoint, stdin io.Reader, stdout io.Writer) error {
	r, body, err := readRequest(stdin)
	if err != nil {
		return err
	}
	if len(s.Endpoints) == 0 {
		other := r.URL.Path + "/other"
		s.Endpoints = map[clientauth.Endpoint]*url.URL{}
		if s.Clients.HasPublic() {
			s.Endpoints[clientauth.Authorization] = &url.URL{Path: other}
			s.Endpoints[clientauth.PushedAuthorizationRequest] = &url.URL{Path: other}
		}
		s.Endpoints[cmp.Or(endpoint, clientauth.Token)] = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath}
	}
	x := judge(s, r, body)
	if _, err := io.WriteString(stdout, x.report()); err != nil {
		return err
	}
	switch {
	case x.keysUnknown():
		return ErrNotJudged
	case x.refused():
		return ErrRefused
	}
	return nil
}

// readRequest reads a request as a person or a tool wrote it down: lines may end in LF alone,
// and Content-Length may be missing or wrong. Errors do not quote the request.
func readRequest(stdin io.Reader) (_ *http.Request, body string, err error) {
	const end = "\n\n" // of a request without an empty line
	in := bufio.NewReader(io.MultiReader(stdin, strings.NewReader(end)))
	r, err := http.ReadRequest(in)
	if err != nil || r.Proto != "HTTP/1.1" || r.Host == "" || r.URL.Path == "" {
		return nil, "", errors.New("standard input is not an HTTP/1.1 request; start with a line such as POST /oauth2/tokens HTTP/1.1, " +
			"continue with header fields such as Host: login.example.com, and write the body after an empty line")
	}
	if len(r.TransferEncoding) > 0 {
		return nil, "", errors.New("the request has Transfer-Encoding; remove it, and write the body without chunks")
	}
	text, err := io.ReadAll(in)
	if err != nil {
		return nil, "", err
	}
	body = strings.TrimSuffix(string(text), end)
	if r.ContentLength != int64(len(body)) {
		body = strings.TrimRight(body, "\r\n") // an editor adds line ends
	}
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return r, body, nil
}

type result struct {
	settings  config.Settings
	assertion *assertion.Assertion // of the request; may be empty
	assumed   bool                 // the audience is taken for the issuer, which is unknown
	log       map[string]string    // the attributes of its line
	upstream  transport
	body      []byte // of the response
}

func send(s config.Settings, r *http.Request, body string) *result {
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(strings.NewReader(body))
	x := &result{settings: s, log: map[string]string{}}
	record := func(_ []string, a slog.Attr) slog.Attr {
		x.log[a.Key] = a.Value.String()
		return a
	}
	log := slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{ReplaceAttr: record}))
	g := gateway.New(gateway.Config{
		Settings: s, Log: log, Metrics: metrics.New(metrics.Build{}),
		Transports: gateway.Transports{Fronted: &x.upstream, Metadata: noProvider{}, Passthrough: &x.upstream},
	})
	defer g.Close()
	r.RemoteAddr = "192.0.2.1:0" // the client (RFC 5737)
	w := response{http.Header{}, &bytes.Buffer{}}
	g.ServeHTTP(w, r)
	x.body = w.Bytes()
	return x
}

// transport records the last request and answers it with an empty JSON object.
type transport struct {
	request *http.Request // nil: there was none
	body    []byte
}

func (t *transport) RoundTrip(r *http.Request) (_ *http.Response, err error) {
	t.request = r
	if r.Body != nil {
		if t.body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	const reply = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	return http.ReadResponse(bufio.NewReader(strings.NewReader(reply)), r)
}

// noProvider is a transport that fails, because metadata is not fetched here.
type noProvider struct{}

func (noProvider) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("there is no provider")
}

// response keeps the body of the response. The status is in the log line.
type response struct {
	header http.Header
	*bytes.Buffer
}

func (r response) Header() http.Header { return r.header }

func (response) WriteHeader(int) {}
