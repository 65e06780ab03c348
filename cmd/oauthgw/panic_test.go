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

	"oauthgw/metrics"
)

// A panic costs its request and nothing else, and what it was about is nowhere.
func TestPanics(t *testing.T) {
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		status  int // 0: the connection ends
		told    bool
	}{
		"before the answer": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			panic("canary")
		}, 500, true},
		"with an error": {func(http.ResponseWriter, *http.Request) {
			panic(json.Unmarshal([]byte("canary"), &struct{}{}))
		}, 500, true},
		"within the answer": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic("canary")
		}, 0, true},
		"on purpose": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			var log, standard syncBuffer
			l := watched(t, &log)
			server := httptest.NewUnstartedServer(identified(l.surviving(test.handler)))
			server.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(&standard, nil), slog.LevelError)
			server.Start()
			defer server.Close()
			resp, err := http.Get(server.URL)
			var answer []byte
			if err == nil {
				answer, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			if (err == nil) != (test.status != 0) || err == nil && (resp.StatusCode != test.status || resp.Header.Get("Content-Type") != "application/json" ||
				!strings.Contains(string(answer), `{"error":"server_error","error_description":"The gateway`)) {
				t.Errorf("%v %s", err, answer)
			}
			server.Close()
			exposed := httptest.NewRecorder()
			l.metrics.Handler().ServeHTTP(exposed, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			if told := strings.Contains(log.String(), `"level":"ERROR"`) && strings.Contains(log.String(), "TestPanics.func") && strings.Contains(log.String(), `"request_id":`); told != test.told ||
				strings.Contains(exposed.Body.String(), "oauthgw_panics_total 1\n") != test.told {
				t.Errorf("the log: %s", log.String())
			}
			if strings.Contains(log.String()+standard.String()+string(answer), "canary") || standard.String() != "" {
				t.Errorf("the log: %s\nnet/http: %s\nthe answer: %s", log.String(), standard.String(), answer)
			}
		})
	}
}

// Neither listener lets a panic through to net/http, which would print its value, and
// whoever asks next is served.
func TestPanicsOfEachListener(t *testing.T) {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	defer provider.Close()
	s := learning(t, provider.URL, func(c *config) {
		c.Endpoints, c.ClientAuth.Realm = map[string]string{"token": "/t"}, "a"
	})
	var log syncBuffer
	servers, err := listen(nil, s, observers{newLog: func(s settings) *slog.Logger { return newLog(s, &log) }, metrics: metrics.New(build())})
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
	servers.live.load = func() (settings, error) { panic("canary") }
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
		t.Errorf("%d panics were told:\n%s", n, log.String())
	}
}

// panicking is a way to the provider at whose first request the program fails.
type panicking struct{ once *atomic.Bool }

// RoundTrip implements [http.RoundTripper].
func (p panicking) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.once.CompareAndSwap(false, true) {
		panic("canary")
	}
	return http.DefaultTransport.RoundTrip(r)
}

// watched returns a gateway that nobody asks, with a log.
func watched(t *testing.T, log io.Writer) *live {
	t.Helper()
	c := defaults()
	c.Upstream.URL = "http://127.0.0.1:1"
	s, err := c.validate()
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLive(s, observers{newLog: func(s settings) *slog.Logger { return newLog(s, log) }, metrics: metrics.New(build())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.now().close)
	return l
}
