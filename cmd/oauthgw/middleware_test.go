package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"oauthgw/internal/config"
	"oauthgw/metrics"
)

// A panic costs its request and nothing else, and its value is not printed.
func TestPanics(t *testing.T) {
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		status  int // 0: the connection ends
		logged  bool
	}{
		"before the response": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			panic("canary")
		}, 500, true},
		"with an error": {func(http.ResponseWriter, *http.Request) {
			panic(json.Unmarshal([]byte("canary"), &struct{}{}))
		}, 500, true},
		"within the response": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic("canary")
		}, 0, true},
		"on purpose": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			var log, standard syncBuffer
			l, err := newLive(learning(t, "http://127.0.0.1:1"), observers{newLog: func(s config.Settings) *slog.Logger { return newLog(s, &log) }, metrics: metrics.New(build())})
			if err != nil {
				t.Fatal(err)
			}
			defer l.now().close()
			server := httptest.NewUnstartedServer(identified(l.surviving(test.handler)))
			server.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(&standard, nil), slog.LevelError)
			server.Start()
			defer server.Close()
			resp, err := http.Get(server.URL)
			var body []byte
			if err == nil {
				body, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			if (err == nil) != (test.status != 0) || err == nil && (resp.StatusCode != test.status || resp.Header.Get("Content-Type") != "application/json" ||
				!strings.Contains(string(body), `{"error":"server_error","error_description":"The gateway`)) {
				t.Errorf("%v %s", err, body)
			}
			server.Close()
			exposed := httptest.NewRecorder()
			l.metrics.Handler().ServeHTTP(exposed, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			logged := strings.Contains(log.String(), `"level":"ERROR"`) && strings.Contains(log.String(), "TestPanics.func") && strings.Contains(log.String(), `"request_id":`)
			if logged != test.logged || strings.Contains(exposed.Body.String(), "oauthgw_panics_total 1\n") != test.logged {
				t.Errorf("the log: %s", log.String())
			}
			if strings.Contains(log.String()+standard.String()+string(body), "canary") || standard.String() != "" {
				t.Errorf("the log: %s\nnet/http: %s\nthe response: %s", log.String(), standard.String(), body)
			}
		})
	}
}

// Neither listener lets a panic through to net/http, which would print its value, and the
// next request is served.
func TestPanicsOfEachListener(t *testing.T) {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	defer provider.Close()
	s := learning(t, provider.URL, func(c *config.Config) {
		c.Endpoints, c.ClientAuth.Realm = map[string]string{"token": "/t"}, "a"
	})
	var log syncBuffer
	servers, err := listen(nil, s, observers{newLog: func(s config.Settings) *slog.Logger { return newLog(s, &log) }, metrics: metrics.New(build())})
	if err != nil {
		t.Fatal(err)
	}
	var once atomic.Bool // it panicked at a request to the provider
	servers.live.now().close()
	g, err := newGatewayOver(ways{fronted: panicking{&once}, metadata: panicking{&once}, rest: panicking{&once}}, s, servers.live.observers)
	if err != nil {
		t.Fatal(err)
	}
	servers.live.current.Store(g)
	servers.live.load = func() (config.Settings, error) { panic("canary") }
	ctx, end := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- servers.run(ctx) }()
	data, admin := "http://"+servers.data.Addr().String(), "http://"+servers.admin.Addr().String()
	for _, url := range []string{data + "/t", data + "/page", admin + "/-/reload"} {
		once.Store(false)
		for _, broken := range []bool{true, false} {
			if !broken {
				url = strings.Replace(url, "/-/reload", "/-/healthy", 1)
			}
			resp, err := http.Post(url, "application/x-www-form-urlencoded", strings.NewReader("a=b"))
			if err != nil {
				t.Fatalf("%s: %v", url, err)
			}
			resp.Body.Close()
			if (resp.StatusCode == http.StatusInternalServerError) != broken {
				t.Errorf("%s was answered %d", url, resp.StatusCode)
			}
		}
	}
	end()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "please report it"); n != 3 || strings.Contains(log.String(), "canary") {
		t.Errorf("%d panics were logged:\n%s", n, log.String())
	}
}

// panicking is a transport that panics at its first request.
type panicking struct{ once *atomic.Bool }

// RoundTrip implements [http.RoundTripper].
func (p panicking) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.once.CompareAndSwap(false, true) {
		panic("canary")
	}
	return http.DefaultTransport.RoundTrip(r)
}

// A request keeps the well-formed identifier that it came with. Otherwise it receives one.
func TestRequestID(t *testing.T) {
	long := strings.Repeat("x", 128)
	for name, test := range map[string]struct {
		sent  []string
		keeps bool
	}{
		"none":            {nil, false},
		"a UUID":          {[]string{"7b2ff1a0-83b0-4ae2-9f3a-0d8de4a3ae0b"}, true},
		"a balancer's":    {[]string{"Root=1-67891233-abcdef012345678912345678"}, true},
		"the longest":     {[]string{long}, true},
		"longer":          {[]string{long + "x"}, false},
		"empty":           {[]string{""}, false},
		"two":             {[]string{"a", "b"}, false},
		"a space":         {[]string{"a b"}, false},
		"markup":          {[]string{"<script>"}, false},
		"an end of line":  {[]string{"a\nb"}, false},
		"other alphabets": {[]string{"é"}, false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["X-Request-Id"] = test.sent
		identified(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			ids := r.Header["X-Request-Id"]
			if kept := len(test.sent) > 0 && ids[0] == test.sent[0]; len(ids) != 1 || kept != test.keeps || !kept && !madeID.MatchString("X-Request-Id: "+ids[0]) {
				t.Errorf("%s: %q became %q", name, test.sent, ids)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
	}
}

// The provider, the log and a refusal have the same identifier, on every path, also where
// Connection names its field.
func TestRequestIDIsTheSameEverywhere(t *testing.T) {
	provider := startScriptedProvider(t)
	provider.answer("HTTP/1.1 200 OK\n\n")
	g := startStoryGateway(t, "", "http://"+provider.Addr().String())
	want := []string{"one"}
	for _, path := range []string{"/oauth2/tokens", "/elsewhere"} {
		send(t, g.data, "POST "+path+" HTTP/1.1\nHost: a\nConnection: close, X-Request-Id\nX-Request-Id: one\n"+
			"Content-Type: application/x-www-form-urlencoded\nContent-Length: 13\n\nclient_id=app")
		if got := provider.received(); !strings.Contains(got, "\nX-Request-Id: one\n") {
			t.Errorf("%s: the provider received %s", path, got)
		}
	}
	for _, path := range []string{"/oauth2/tokens", "/oauth2%2Ftokens"} {
		resp, err := http.Get("http://" + g.data + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		want = append(want, resp.Header.Get("X-Request-Id"))
	}
	log := g.stop()
	for _, id := range want {
		if !strings.Contains(log, `"request_id":"`+id+`"`) || id == "" {
			t.Errorf("the log lacks %q:\n%s", id, log)
		}
	}
}
