package server

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"oauthgw/metrics"
)

// TestPanics checks that a panic in a handler fails only its own request, and that the panic
// value appears in no response and no log line.
func TestPanics(t *testing.T) {
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		status  int // 0: the connection ends
		logged  int
	}{
		"before the response": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			panic("canary")
		}, 500, 1},
		"with an error": {func(http.ResponseWriter, *http.Request) {
			panic(json.Unmarshal([]byte("canary"), &struct{}{}))
		}, 500, 1},
		"after the response has begun": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic("canary")
		}, 0, 1},
		"http.ErrAbortHandler": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			m := metrics.New(metrics.Build{})
			s := &Server{config: testConfig()}
			s.config.Metrics, s.config.Log = m, slog.New(slog.NewJSONHandler(&log, nil))
			server := httptest.NewUnstartedServer(nil)
			server.Config = s.newServer(test.handler)
			server.Start()
			resp, err := http.Get(server.URL)
			var body []byte
			if err == nil {
				body, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			server.Close()
			if (err == nil) != (test.status != 0) || err == nil && (resp.StatusCode != test.status ||
				!strings.HasPrefix(string(body), `{"error":"server_error","error_description":"The gateway`)) {
				t.Errorf("%v %s", err, body)
			}
			exposed := httptest.NewRecorder()
			m.Handler().ServeHTTP(exposed, httptest.NewRequest(http.MethodGet, "/metrics", nil))
			// " < " separates the frames of the logged stack.
			if strings.Count(log.String(), `"level":"ERROR","msg":"panic serving request"`) != test.logged || strings.Count(log.String(), " < ") < test.logged ||
				!strings.Contains(exposed.Body.String(), "oauthgw_panics_total "+strconv.Itoa(test.logged)+"\n") ||
				strings.Contains(log.String()+string(body), "canary") || strings.Contains(log.String(), "http: panic") {
				t.Errorf("the log: %s", log.String())
			}
		})
	}
}

// TestRequestID checks that a well-formed X-Request-Id of a trusted proxy is kept, and that any
// other one is replaced.
func TestRequestID(t *testing.T) {
	long := strings.Repeat("x", 128)
	for _, id := range []string{"7b2ff1a0-83b0-4ae2-9f3a-0d8de4a3ae0b", "Root=1-67891233-abcdef012345678912345678", long} {
		h := http.Header{"X-Request-Id": {id}}
		if got := requestID(h, true); got != id || h.Get("X-Request-Id") != id {
			t.Errorf("%q became %q", id, got)
		}
		if got := requestID(h, false); got == id || h.Get("X-Request-Id") != got {
			t.Errorf("%q of a client became %q", id, got)
		}
	}
	for _, ids := range [][]string{nil, {long + "x"}, {""}, {"a", "b"}, {"a b"}, {"<script>"}, {"a\nb"}, {"é"}} {
		h := http.Header{"X-Request-Id": ids}
		if got := requestID(h, true); len(got) != 26 || len(h["X-Request-Id"]) != 1 || h.Get("X-Request-Id") != got {
			t.Errorf("%q became %q, the provider gets %q", ids, got, h["X-Request-Id"])
		}
	}
}

func TestSocketKey(t *testing.T) {
	for _, test := range []struct {
		name   string
		single bool
		want   string
	}{
		{"listen", false, "listen"}, {"admin", true, "admin.listen"}, {"LISTEN_FD_3", true, "listen"}, {"oauthgw.socket", true, "listen"},
		{"unknown", true, "listen"}, {"unknown", false, ""}, {"metrics", true, ""},
	} {
		if got, err := socketKey(test.name, test.single); got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s: got %q, %v", test.name, got, err)
		}
	}
}
