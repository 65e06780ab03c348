package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthgw/internal/config"
	"oauthgw/internal/logging"
	"oauthgw/internal/server"
	"oauthgw/metrics"

	"gopkg.in/yaml.v3"
)

var update = flag.Bool("update", false, "rewrite the expected messages of exchange files")

// sharedConfig is part of the configuration of every exchange file. Nothing is discovered, so
// that no other messages are sent.
const sharedConfig = `
public_url: https://login.example.com
endpoints: {token: /oauth2/tokens, revocation: /oauth2/revoke}
client_auth: {realm: example}
log: {level: debug}
`

// TestExchanges runs every exchange file against a gateway, with real connections to both
// sides.
func TestExchanges(t *testing.T) {
	names, err := filepath.Glob("testdata/exchanges/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no exchange files: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txt"), func(t *testing.T) {
			t.Parallel()
			s := readExchangeFile(t, name)
			s.run(t)
			if *update {
				s.write(t, name)
			}
		})
	}
}

func (s *exchangeFile) run(t *testing.T) {
	provider := startScriptedProvider(t)
	g := startConfiguredGateway(t, s.config, provider.url())
	for i, x := range s.exchanges {
		provider.answer(x.upstreamResponse)
		got := send(t, g.data, s.signed.sign(t, x.request))
		s.expect(t, fmt.Sprintf("upstream request %d", i+1), &x.upstreamRequest, s.signed.restore(provider.received()))
		s.expect(t, fmt.Sprintf("response %d", i+1), &x.response, got)
	}
	exposition := g.settledMetrics(t)
	s.expectMetrics(t, exposition)
	log := g.stop()
	if n := strings.Count(log, `"msg":"request"`); n != len(s.exchanges) {
		t.Errorf("%d lines logged for %d exchanges:\n%s", n, len(s.exchanges), log)
	}
	for _, secret := range s.secrets() {
		if strings.Contains(log, secret) || strings.Contains(exposition, secret) {
			t.Errorf("%q shows in the log or the metrics:\n%s", secret, log)
		}
	}
}

func (s *exchangeFile) expect(t *testing.T, what string, want *string, got string) {
	t.Helper()
	if *update {
		*want = got
		return
	}
	if got != *want {
		t.Errorf("%s:\n--- got\n%s\n--- want\n%s", what, got, *want)
	}
}

// expectMetrics compares the value of every series that the file names.
func (s *exchangeFile) expectMetrics(t *testing.T, exposition string) {
	t.Helper()
	var lines []string
	for want := range strings.Lines(s.metrics) {
		series := strings.TrimSpace(want[:strings.LastIndex(strings.TrimSpace(want), " ")+1])
		got := series + " 0"
		for line := range strings.Lines(exposition) {
			if strings.HasPrefix(line, series+" ") {
				got = strings.TrimSpace(line)
			}
		}
		lines = append(lines, got)
	}
	s.expect(t, "metrics", &s.metrics, strings.Join(lines, "\n"))
}

// send sends a message as a client and returns the response.
func send(t *testing.T, address, message string) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := c.Write(wire(message)); err != nil {
		t.Fatal(err)
	}
	text, err := readMessage(bufio.NewReader(c))
	if err != nil {
		t.Fatalf("reading the response: %v", err)
	}
	return text
}

// wire turns a message of an exchange file into the bytes that are sent.
func wire(message string) []byte {
	if message == "" {
		return nil
	}
	head, body, _ := strings.Cut(message, "\n\n")
	lower := strings.ToLower(head)
	if body != "" && !strings.Contains(lower, "\ncontent-length:") && !strings.Contains(lower, "\ntransfer-encoding:") ||
		strings.HasPrefix(head, "HTTP/") && !strings.Contains(lower, "\ncontent-length:") && !strings.Contains(lower, "\ntransfer-encoding:") {
		head += fmt.Sprintf("\nContent-Length: %d", len(body))
	}
	if strings.Contains(lower, "\ntransfer-encoding: chunked") {
		body = strings.ReplaceAll(body, "\n", "\r\n") + "\r\n\r\n"
	}
	return []byte(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body)
}

// madeID is a request identifier of the gateway, which differs each time.
var madeID = regexp.MustCompile(`^X-Request-Id: [A-Z2-7]{26}$`)

// longWait is a Retry-After that decreases during a test.
var longWait = regexp.MustCompile(`^Retry-After: \d{4,}$`)

// readMessage reads a message from a connection as an exchange file shows it.
func readMessage(r *bufio.Reader) (string, error) {
	var head []string
	length, chunked := 0, false
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			break
		}
		lower := strings.ToLower(line)
		if _, err := fmt.Sscanf(lower, "content-length: %d", &length); err == nil {
			chunked = false
		}
		chunked = chunked || lower == "transfer-encoding: chunked"
		if !strings.HasPrefix(lower, "date: ") && !strings.HasPrefix(lower, "age: ") && !madeID.MatchString(line) && !longWait.MatchString(line) {
			head = append(head, line)
		}
	}
	var body io.Reader = io.LimitReader(r, int64(length))
	if chunked {
		// The reader of responses decodes the chunks.
		resp, err := http.ReadResponse(bufio.NewReader(io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), r)), nil)
		if err != nil {
			return "", err
		}
		body = resp.Body
	}
	text, err := io.ReadAll(body)
	if err != nil || !chunked && len(text) != length {
		return "", fmt.Errorf("the body ends after %d bytes: %w", len(text), err)
	}
	message := strings.Join(head, "\n")
	if len(text) > 0 {
		message += "\n\n" + strings.TrimRight(string(text), "\n")
	}
	return message, nil
}

// scriptedProvider is a provider with one response at a time, which records the requests.
type scriptedProvider struct {
	net.Listener
	mu       sync.Mutex
	next     string
	requests []string
}

func startScriptedProvider(t *testing.T) *scriptedProvider {
	t.Helper()
	l, _ := listenRaw(t, "tcp")
	p := &scriptedProvider{Listener: l}
	var connections sync.WaitGroup
	connections.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			connections.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() { l.Close(); connections.Wait() })
	return p
}

// startProvider starts a provider that answers every request with a message, and returns
// its origin.
func startProvider(t *testing.T, response string) string {
	t.Helper()
	p := startScriptedProvider(t)
	p.answer(response)
	return p.url()
}

// okJSON is the head of a response in JSON.
const okJSON = "HTTP/1.1 200 OK\nContent-Type: application/json\n\n"

func (p *scriptedProvider) url() string { return "http://" + p.Addr().String() }

// serve answers requests until the gateway closes the connection, or there is no response: so
// no request meets a connection that is just being closed.
func (p *scriptedProvider) serve(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	for r := bufio.NewReader(c); p.respond(c, r); {
	}
}

// respond answers one request and reports whether there can be more.
func (p *scriptedProvider) respond(c net.Conn, r *bufio.Reader) bool {
	if _, err := r.Peek(1); err != nil {
		return false // the gateway closed the connection, or the test is over
	}
	message, err := readMessage(r)
	if err != nil {
		message = "unreadable: " + err.Error()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, message)
	_, writeErr := c.Write(wire(p.next))
	return p.next != "" && err == nil && writeErr == nil
}

func (p *scriptedProvider) answer(message string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = message
}

// received returns the requests since the last call.
func (p *scriptedProvider) received() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.requests = nil }()
	return strings.Join(p.requests, "\n\nand once more:\n\n")
}

// testGateway is a running gateway.
type testGateway struct {
	*program
	data, admin string // addresses
	telemetry   *telemetry
	end         context.CancelCauseFunc // begins the shutdown
	done        chan error              // the error of run, then closed
	stop        func() (log string)     // shuts down; an error fails the test
}

// testTelemetry returns a telemetry that logs to w without a buffer.
func testTelemetry(w io.Writer, s config.Settings) *telemetry {
	t := &telemetry{metrics: metrics.New(metrics.ReadBuild()), audit: new(logging.Audit)}
	t.format.Set(s.LogLevel, s.LogJSON)
	t.log = slog.New(t.format.Handler(w))
	return t
}

// fileSettings returns the settings of configuration files that complete each other.
func fileSettings(t *testing.T, upstream string, files ...string) config.Settings {
	t.Helper()
	return testSettings(t, upstream, func(c *config.Config) {
		for _, text := range files {
			d := yaml.NewDecoder(strings.NewReader(text))
			d.KnownFields(true)
			if err := d.Decode(c); err != nil && err != io.EOF {
				t.Fatal(err)
			}
		}
	})
}

// startConfiguredGateway runs a gateway with the configuration of an exchange file.
func startConfiguredGateway(t *testing.T, section, upstream string) testGateway {
	t.Helper()
	return startGateway(t, fileSettings(t, upstream, sharedConfig, section))
}

func startGateway(t *testing.T, s config.Settings) testGateway {
	t.Helper()
	var log syncBuffer
	return startWith(t, s, testTelemetry(&log, s), &log, nil)
}

// startWith runs a gateway with a telemetry that logs to a buffer, and sockets that are open.
func startWith(t *testing.T, s config.Settings, reports *telemetry, log *syncBuffer, given server.Sockets) testGateway {
	t.Helper()
	p, err := newProgram(s, func() (config.Settings, error) { return s, nil }, reports, given, false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancelCause(t.Context())
	done := make(chan error, 1)
	go func() {
		defer close(done)
		done <- p.run(ctx)
	}()
	stop := sync.OnceValue(func() string {
		end(nil)
		if err := <-done; err != nil {
			t.Error(err)
		}
		return log.String()
	})
	t.Cleanup(func() { stop() })
	return testGateway{program: p, data: strings.TrimPrefix(p.server.Addr(), "unix:"), admin: strings.TrimPrefix(p.server.AdminAddr(), "unix:"),
		telemetry: reports, end: end, done: done, stop: stop}
}

var inFlight = regexp.MustCompile(`(?m)^oauthgw_http_requests_in_flight\{.*\} [1-9]`)

// settledMetrics returns the metrics once everything is counted, which may be after the response.
func (g testGateway) settledMetrics(t *testing.T) string {
	t.Helper()
	eventually(t, "the end of all exchanges", func() bool { return !inFlight.MatchString(g.scrape(t)) })
	// A scrape does not read all metrics at the same time.
	return g.scrape(t)
}

func (g testGateway) scrape(t *testing.T) string {
	t.Helper()
	return fetch(t, "http://"+g.admin+"/metrics", "")
}

// syncBuffer is a buffer for concurrent use.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
