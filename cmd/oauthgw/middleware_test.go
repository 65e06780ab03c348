package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"oauthgw/internal/config"
	"oauthgw/metrics"
	"strings"
	"sync/atomic"
	"testing"
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
	c := config.Default()
	c.Upstream.URL = "http://127.0.0.1:1"
	s, err := c.Validate()
	if err != nil {
		t.Fatal(err)
	}
	l, err := newLive(s, observers{newLog: func(s config.Settings) *slog.Logger { return newLog(s, log) }, metrics: metrics.New(build())})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.now().close)
	return l
}

// A request has one identifier on its whole way: the provider, the log and
// whoever is refused are told the same one.
func TestRequestID(t *testing.T) {
	long := strings.Repeat("x", 128)
	for name, test := range map[string]struct {
		brought []string
		keeps   bool
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
		t.Run(name, func(t *testing.T) {
			var provider []string
			upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				provider = r.Header["X-Request-Id"]
			}))
			defer upstream.Close()
			g := startStoryGateway(t, "", upstream.URL)
			r, err := http.NewRequest("POST", "http://"+g.data+"/oauth2/tokens", strings.NewReader("client_id=app"))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
			if test.brought != nil {
				r.Header["X-Request-Id"] = test.brought
			}
			// What no client sends by Go's own transport arrives all the same.
			served := httptest.NewRecorder()
			identified(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.URL.Host, r.URL.Scheme, r.RequestURI = g.data, "http", ""
				resp, err := http.DefaultTransport.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
			})).ServeHTTP(served, r)
			var line struct {
				ID string `json:"request_id"`
			}
			if err := json.Unmarshal([]byte(lineOfExchange(g.stop())), &line); err != nil {
				t.Fatal(err)
			}
			if len(provider) != 1 || provider[0] != line.ID {
				t.Errorf("the provider was told %q, the log %q", provider, line.ID)
			}
			if kept := len(test.brought) > 0 && line.ID == test.brought[0]; kept != test.keeps {
				t.Errorf("%q became %q", test.brought, line.ID)
			}
		})
	}
}

// What a client calls a matter of its own connection goes on to the provider all
// the same, on every path.
func TestRequestIDPassesConnections(t *testing.T) {
	arrived := make(chan string, 1)
	upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { arrived <- r.Header.Get("X-Request-Id") }))
	defer upstream.Close()
	g := startStoryGateway(t, "", upstream.URL)
	for _, path := range []string{"/oauth2/tokens", "/elsewhere"} {
		message := "POST " + path + " HTTP/1.1\nHost: a\nConnection: close, X-Request-Id\nX-Request-Id: one\n" +
			"Content-Type: application/x-www-form-urlencoded\nContent-Length: 13\n\nclient_id=app"
		send(t, g.data, message)
		if id := <-arrived; id != "one" {
			t.Errorf("%s: the provider was told %q", path, id)
		}
	}
}

// Whoever is refused is told under which identifier the log knows of it.
func TestRefusalTellsTheRequestID(t *testing.T) {
	g := startStoryGateway(t, "", "http://127.0.0.1:1")
	for _, path := range []string{"/oauth2/tokens", "/oauth2%2Ftokens", "/elsewhere"} {
		resp, err := http.Get("http://" + g.data + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if id := resp.Header.Get("X-Request-Id"); !madeID.MatchString("X-Request-Id: " + id) {
			t.Errorf("%s: %q", path, id)
		} else {
			defer func() {
				if log := g.stop(); !strings.Contains(log, `"request_id":"`+id+`"`) {
					t.Errorf("the log does not know of %s:\n%s", id, log)
				}
			}()
		}
	}
}

// lineOfExchange returns the line of a log that tells of an exchange.
func lineOfExchange(log string) string {
	for line := range strings.Lines(log) {
		if strings.Contains(line, `"msg":"request"`) {
			return line
		}
	}
	return ""
}
