package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"oauthgw/internal/logging"
	"oauthgw/metrics"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
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
			var log, standard bytes.Buffer
			reported := metrics.New(metrics.Build{})
			format := &logging.Format{}
			format.Set(slog.LevelInfo, true)
			s := &Server{config: Config{Log: slog.New(format.Handler(&log)), Metrics: reported}}
			server := httptest.NewUnstartedServer(s.middleware(test.handler))
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
			reported.Handler().ServeHTTP(exposed, httptest.NewRequest(http.MethodGet, "/metrics", nil))
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
		(&Server{}).middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			ids := r.Header["X-Request-Id"]
			if kept := len(test.sent) > 0 && ids[0] == test.sent[0]; len(ids) != 1 || kept != test.keeps || !kept && len(ids[0]) != 26 {
				t.Errorf("%s: %q became %q", name, test.sent, ids)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
	}
}

// What is ours is not our children's.
func TestSocketsAreNotPassedOn(t *testing.T) {
	t.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	t.Setenv("LISTEN_FDS", "0")
	t.Setenv("LISTEN_FDNAMES", "listen")
	if given, err := ActivationListeners(); len(given) > 0 || err != nil {
		t.Errorf("got %v %v", given, err)
	}
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		if value, is := os.LookupEnv(name); is {
			t.Errorf("%s is still %s", name, value)
		}
	}
}

// TestPanicsOfBothServers checks that neither server lets a panic through to net/http, which
// would print its value, and that the next request is served.
func TestPanicsOfBothServers(t *testing.T) {
	var lines bytes.Buffer
	var panicked atomic.Bool
	once := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if panicked.CompareAndSwap(false, true) {
			panic("canary")
		}
	})
	s, err := Listen(Config{Handler: once, Admin: once, Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", MaxConnections: 10,
		DrainTimeout: func() time.Duration { return time.Minute }, Upstream: func() string { return "" },
		Log: slog.New(slog.NewTextHandler(&lines, nil)), Metrics: metrics.New(metrics.Build{})})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	for _, address := range []string{s.Addr(), s.AdminAddr()} {
		panicked.Store(false)
		for _, want := range []int{http.StatusInternalServerError, http.StatusOK} {
			resp, err := http.Get("http://" + address)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s: got %d, want %d", address, resp.StatusCode, want)
			}
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := strings.Count(lines.String(), "panic serving request"); n != 2 || strings.Contains(lines.String(), "canary") {
		t.Errorf("%d panics were logged:\n%s", n, lines.String())
	}
}
