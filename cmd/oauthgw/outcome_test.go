package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"oauthgw/internal/config"
)

// requestLines returns the log lines of requests.
func requestLines(t *testing.T, log string) (lines []map[string]any) {
	t.Helper()
	for text := range strings.Lines(log) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if line["msg"] == "request" {
			lines = append(lines, line)
		}
	}
	return lines
}

// expectLine checks the fields that every request line has, and some of their values.
func expectLine(t *testing.T, line map[string]any, want map[string]any) {
	t.Helper()
	for _, name := range []string{"request_id", "client_ip", "duration_ms"} {
		if line[name] == nil || line[name] == "" {
			t.Errorf("%v has no %s", line, name)
		}
	}
	for name, value := range want {
		if line[name] != value {
			t.Errorf("%v has %s %v, want %v", line, name, line[name], value)
		}
	}
}

// ending is a request that ends in one way.
type ending struct {
	request  string
	provider func(p rawPeer)
	client   func(p rawPeer, resp *http.Response) // what the client does with the response
	silent   bool                                 // there is no response
	endpoint string
	status   int
	end      string
	outcome  any
}

// endings are requests for other paths, WebSockets, endpoints, metadata and preflights.
func endings() map[string]ending {
	const (
		page      = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n"
		get       = "GET /t HTTP/1.1\r\nHost: a\r\n\r\n"
		preflight = "OPTIONS /t HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n\r\n"
		document  = "GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: a\r\n\r\n"
		notHere   = "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\nX-Request-Id: other\r\n\r\n"
		events    = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Request-Id: other\r\n\r\ndata: x\n\n"
		token     = "POST /t HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\n\r\nclient_id=a"
	)
	writes := func(text string) func(rawPeer) { return func(p rawPeer) { p.write(text) } }
	streams := func(p rawPeer) { p.write(events); _, _ = io.Copy(io.Discard, p.r) }
	echoes := func(p rawPeer) { p.write(switched); _, _ = io.Copy(p, p.r) }
	waits := func(p rawPeer) { _, _ = io.Copy(io.Discard, p.r) }
	reset := func(p rawPeer) { _ = p.rawConn.(*net.TCPConn).SetLinger(0); p.Close() }
	reads := func(_ rawPeer, resp *http.Response) { _, _ = io.Copy(io.Discard, resp.Body) }
	closes := func(p rawPeer, _ *http.Response) { p.Close() }
	resets := func(p rawPeer, _ *http.Response) { reset(p) }
	return map[string]ending{
		"page":               {page, writes(wellFormedResponse), reads, false, "passthrough", 200, "complete", nil},
		"length":             {page, writes("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), reads, false, "passthrough", 200, "provider", nil},
		"chunks":             {page, writes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"), reads, false, "passthrough", 200, "provider", nil},
		"stream":             {page, streams, closes, false, "passthrough", 200, "client", nil},
		"no response":        {page, waits, closes, true, "passthrough", 0, "client", nil},
		"broken reply":       {page, writes("HTTP/1.1 2"), reads, false, "passthrough", 502, "complete", "broken_reply"},
		"status 099":         {page, writes("HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n"), reads, false, "passthrough", 502, "complete", "broken_reply"},
		"WebSocket":          {handshake, echoes, closes, false, "passthrough", 101, "complete", nil},
		"client resets":      {handshake, echoes, resets, false, "passthrough", 101, "client", nil},
		"provider resets":    {handshake, func(p rawPeer) { p.write(switched); reset(p) }, func(p rawPeer, _ *http.Response) { p.readsEOF() }, false, "passthrough", 101, "provider", nil},
		"token":              {token, writes(wellFormedResponse), reads, false, "token", 200, "complete", "unclear"},
		"token, no response": {token, waits, closes, true, "token", 0, "client", "canceled"},
		"refusal":            {get, nil, reads, false, "token", 405, "complete", "method"},
		"preflight":          {preflight, nil, reads, false, "token", 204, "complete", "preflight_allowed"},
		"metadata":           {document, writes(notHere), reads, false, "metadata", 404, "complete", "not_found"},
		"target":             {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", nil, reads, false, "unknown", 400, "complete", "target"},
	}
}

// TestHowRequestsEnd checks the log line, the counter and the request ID of requests that end
// in different ways.
func TestHowRequestsEnd(t *testing.T) {
	for name, test := range endings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			arrived := make(chan string, 1) // the request ID at the provider
			upstream := startRawProvider(t, func(p rawPeer, r *http.Request) {
				arrived <- r.Header.Get("X-Request-Id")
				test.provider(p)
			})
			g := frontedGateway(t, upstream, func(c *config.Config) { c.CORS.AllowedOrigins = []string{"https://app.example"} })
			c := dialRaw(t, g.data)
			var ids []string
			if c.write(test.request); test.silent {
				ids = append(ids, <-arrived)
				test.client(c, nil)
			} else {
				resp := c.response(t)
				ids = append(ids, resp.Header["X-Request-Id"]...)
				test.client(c, resp)
				if test.provider != nil && test.endpoint != "metadata" { // a fetch is not the client's request
					ids = append(ids, <-arrived)
				}
			}
			method, _, _ := strings.Cut(strings.ToLower(test.request), " ")
			series := fmt.Sprintf(`oauthgw_http_requests_total{code="%d",end=%q,endpoint=%q,method=%q} 1`, test.status, test.end, test.endpoint, method)
			eventually(t, series, func() bool { return strings.Contains(g.scrape(t), series+"\n") })
			lines := requestLines(t, g.stop())
			if len(lines) != 1 {
				t.Fatalf("%d lines", len(lines))
			}
			level := map[bool]string{true: "WARN", false: "INFO"}[test.end == "provider" || test.status == 502]
			expectLine(t, lines[0], map[string]any{"level": level, "endpoint": test.endpoint, "status": float64(test.status), "end": test.end, "outcome": test.outcome})
			for _, id := range ids {
				if id != lines[0]["request_id"] || len(id) != 26 {
					t.Errorf("the request IDs are %q, that of the log line is %v", ids, lines[0]["request_id"])
				}
			}
			if len(ids) == 0 {
				t.Error("no request ID")
			}
		})
	}
}

// TestReloadKeepsFailures checks that a reload does not reset the failure limit, unless it
// changes the limit itself.
func TestReloadKeepsFailures(t *testing.T) {
	provider := startProvider(t, "HTTP/1.1 401 Unauthorized\nContent-Type: application/json\n\n{\"error\":\"invalid_client\"}")
	p := startProgram(t, provider, "endpoints: {token: /t}\ntrusted_proxies: [127.0.0.1]\nclient_auth: {realm: a, failures: {burst: 1, interval: 1h}}\n")
	answers := func(when, want string) {
		t.Helper()
		if answer := send(t, p.data, strings.Replace(fmt.Sprintf(basicRequest, "/t"), "Host: a\n", "Host: a\nX-Forwarded-For: 192.0.2.1\n", 1)); !strings.HasPrefix(answer, "HTTP/1.1 "+want) {
			t.Errorf("%s: got %s", when, answer)
		}
	}
	reload := func() {
		t.Helper()
		if code, text := p.reload(); code != 200 {
			t.Fatal(text)
		}
	}
	answers("the first failure", "401 ")
	answers("the second", "429 ")
	p.write("passthrough: false\n")
	reload()
	answers("after a reload", "429 ")
	p.head = strings.Replace(p.head, "burst: 1", "burst: 0", 1)
	p.write("")
	reload()
	answers("without a limit", "401 ")
	answers("without a limit", "401 ")
}

// TestA148LimitWithoutEffect checks that check and the log warn if the failure limit has no
// effect because the proxy in front of the listener is not trusted.
func TestA148LimitWithoutEffect(t *testing.T) {
	for trusted, warned := range map[string]bool{"unix": true, "127.0.0.1": false} {
		p := startProgram(t, "http://127.0.0.1:1", "endpoints: {token: /t}\ntrusted_proxies: ["+trusted+"]\n")
		out, _, err := invoke(t, "check", "--offline", "--config.file="+p.file)
		if err != nil || strings.Contains(out, "\nwarning: client_auth.failures: has no effect") != warned || strings.Contains(out, "set trusted_proxies: [127.0.0.1]") != warned {
			t.Errorf("trusted_proxies %s: check returned %v and printed\n%s", trusted, err, out)
		}
		p.stop()
		log := p.log.String()
		if strings.Contains(log, `"warning":"client_auth.failures: has no effect`) != warned || strings.Contains(log, "set trusted_proxies: [127.0.0.1]") != warned {
			t.Errorf("trusted_proxies %s: the log is\n%s", trusted, log)
		}
	}
}
