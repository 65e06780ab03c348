package proxy

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"oauthgw/clientauth"
	"oauthgw/metrics"
)

// stopping is a body that stops to arrive before its end.
type stopping struct {
	begins  io.Reader
	stopped chan struct{} // closed when all of that has been read
	goesOn  chan string   // the rest
}

func (s *stopping) Read(p []byte) (int, error) {
	if n, err := s.begins.Read(p); err == nil {
		return n, nil
	}
	close(s.stopped)
	return copy(p, <-s.goesOn), io.EOF
}

func (s *stopping) Close() error { return nil }

type provider func(*http.Request) (*http.Response, error)

func (p provider) RoundTrip(r *http.Request) (*http.Response, error) { return p(r) }

// Large bodies share a budget until their exchanges end. Beyond it a request is refused as
// one that was not sent, and small forms never are.
func TestA174LargeBodiesShareABudget(t *testing.T) {
	const one = maxBody - smallBody
	before := int64(bodyBudget - one)
	bodiesHeld.Store(before)
	defer bodiesHeld.Store(0)
	arrived, answers := make(chan struct{}), make(chan struct{})
	target := &url.URL{Scheme: "http", Host: "provider.example", Path: "/token"}
	config := Config{Endpoint: clientauth.Token, Target: target, Rules: clientauth.New(clientauth.Config{}),
		Metrics: metrics.New(metrics.Build{}), Log: slog.New(slog.DiscardHandler),
		Transport: provider(func(r *http.Request) (*http.Response, error) {
			if r.ContentLength == maxBody {
				close(arrived)
				<-answers
			}
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
		})}
	token, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	config.Endpoint = clientauth.Registration
	endpoints := map[string]http.Handler{"token": token, "registration": NewRegistration(RegistrationConfig{Config: config})}
	ask := func(endpoint string, body io.Reader, size int64) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "/token", body)
		r.ContentLength = size
		r.Header.Set("Content-Type", formMediaType)
		w := httptest.NewRecorder()
		endpoints[endpoint].ServeHTTP(w, r)
		return w
	}
	form := func(size int) string { return "assertion=" + strings.Repeat("x", size-len("assertion=")) }
	whole := func(when string, want map[int]int) {
		t.Helper()
		for endpoint := range endpoints {
			for size, status := range want {
				for _, length := range []int64{int64(size), -1} {
					w := ask(endpoint, strings.NewReader(form(size)), length)
					refused := w.Header().Get("Retry-After") == "1" && w.Header().Get("Connection") == "close" && strings.Contains(w.Body.String(), `"temporarily_unavailable"`)
					if w.Code != status || refused != (status == 503) {
						t.Errorf("%s, %s: a body of %d (%d): %d %v %s", when, endpoint, size, length, w.Code, w.Header(), w.Body)
					}
				}
			}
		}
	}
	whole("at first", map[int]int{4000: 200, 40_000: 200})
	text := form(maxBody)
	slow := &stopping{strings.NewReader(text[:maxBody-1]), make(chan struct{}), make(chan string)}
	ended := make(chan int)
	go func() { ended <- ask("token", slow, maxBody).Code }()
	full := map[int]int{4000: 200, 4200: 503, 40_000: 503}
	<-slow.stopped
	whole("while one arrives", full)
	slow.goesOn <- text[maxBody-1:]
	<-arrived
	whole("while the provider has it", full)
	close(answers)
	if status := <-ended; status != 200 {
		t.Errorf("the one that stopped: %d", status)
	}
	whole("at last", map[int]int{4000: 200, 40_000: 200})
	if held := bodiesHeld.Load(); held != before {
		t.Errorf("%d are held, %d at first", held, before)
	}
}

func TestBuffersForget(t *testing.T) {
	pool := newBuffers(64)
	buffer := pool.Get()
	copy(buffer, `{"access_token":"canary"}`)
	pool.Put(buffer)
	if !bytes.Equal(buffer, make([]byte, 64)) {
		t.Error("a buffer that was given back holds what was copied through it")
	}
}

// announced notes how much room its reader has for it.
type announced struct {
	io.Reader
	room []int
}

func (a *announced) Read(p []byte) (int, error) {
	a.room = append(a.room, len(p))
	return a.Reader.Read(p)
}

// A buffer grows with what arrives, whatever length is announced, and holds no more than
// the share that was taken for it.
func TestA174BuffersGrowWithWhatArrives(t *testing.T) {
	for _, length := range []int64{-1, 1000, maxBody} {
		a := &announced{Reader: strings.NewReader("")}
		if _, err := readAll(a, length, maxBody, nil); err != nil || len(a.room) != 1 || a.room[0] > 512 {
			t.Errorf("%d bytes announced, none sent: room for %v, %v", length, a.room, err)
		}
	}
	for _, size := range []int{0, 1, 512, 513, smallBody, smallBody + 1, maxBody, maxBody + 1} {
		for _, length := range []int64{-1, int64(size)} {
			granted := 512
			body, err := readAll(strings.NewReader(strings.Repeat("x", size)), length, maxBody, func(n int) bool { granted = n; return true })
			if err != nil || len(body) != size || cap(body) > granted {
				t.Errorf("%d bytes, %d announced: %d in a buffer of %d, %d granted, %v", size, length, len(body), cap(body), granted, err)
			}
		}
	}
	if body, err := readAll(strings.NewReader(strings.Repeat("x", maxBody+2)), -1, maxBody, nil); len(body) != maxBody+1 || err != nil {
		t.Errorf("beyond the bound: %d bytes, %v", len(body), err)
	}
}
