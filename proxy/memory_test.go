package proxy

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"oauthgw/clientauth"
	"oauthgw/metrics"
)

type provider func(*http.Request) (*http.Response, error)

func (p provider) RoundTrip(r *http.Request) (*http.Response, error) { return p(r) }

// TestA174LargeBodiesShareABudget checks that large bodies share a budget until their
// exchanges end. Beyond it a request is refused as one that was not sent, small forms never.
func TestA174LargeBodiesShareABudget(t *testing.T) {
	defer bodiesHeld.Store(0)
	var held int64 // while the provider has the request
	config := Config{Endpoint: clientauth.Token, Target: &url.URL{Scheme: "http", Host: "provider.example", Path: "/token"},
		Rules: clientauth.New(clientauth.Config{}), Stall: time.Minute, Metrics: metrics.New(metrics.Build{}),
		Transport: provider(func(r *http.Request) (*http.Response, error) {
			held = bodiesHeld.Load()
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
		})}
	token, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range map[string]http.Handler{"token": token, "registration": NewRegistration(RegistrationConfig{Config: config})} {
		for _, test := range []struct {
			taken  int64
			size   int
			status int
		}{
			{0, 4000, 200}, {0, 40_000, 200}, {0, maxBody, 200}, {bodyBudget - maxBody - 1 + smallBody, maxBody, 200},
			{bodyBudget, 4000, 200}, {bodyBudget, 4200, 503}, {bodyBudget - maxBody + smallBody + 1, maxBody, 503},
		} {
			for _, length := range []int64{int64(test.size), -1} {
				bodiesHeld.Store(test.taken)
				r := httptest.NewRequest("POST", "/token", strings.NewReader("assertion="+strings.Repeat("x", test.size-len("assertion="))))
				r.ContentLength = length
				r.Header.Set("Content-Type", formMediaType)
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				refused := w.Header().Get("Retry-After") == "1" && w.Header().Get("Connection") == "close" && strings.Contains(w.Body.String(), `"temporarily_unavailable"`)
				if w.Code != test.status || refused != (w.Code == 503) || bodiesHeld.Load() != test.taken {
					t.Errorf("%s, %+v, length %d: %d %v %s, %d held afterwards", name, test, length, w.Code, w.Header(), w.Body, bodiesHeld.Load())
				}
				if w.Code == 200 && held < test.taken+int64(test.size)-smallBody {
					t.Errorf("%s, %+v, length %d: %d held at the provider", name, test, length, held)
				}
			}
		}
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
	a := &announced{Reader: strings.NewReader("")}
	if _, err := readAll(a, firstRoom, maxBody, nil); err != nil || len(a.room) != 1 || a.room[0] > 1<<10 {
		t.Errorf("nothing sent: room for %v, %v", a.room, err)
	}
	for _, size := range []int{0, 1, 1 << 10, 1<<10 + 1, smallBody, smallBody + 1, maxBody, maxBody + 1} {
		granted := 1 << 10
		body, err := readAll(strings.NewReader(strings.Repeat("x", size)), firstRoom, maxBody, func(n int) bool { granted = n; return true })
		if err != nil || len(body) != size || cap(body) > granted {
			t.Errorf("%d bytes: %d in a buffer of %d, %d granted, %v", size, len(body), cap(body), granted, err)
		}
	}
	if body, err := readAll(strings.NewReader(strings.Repeat("x", maxBody+2)), firstRoom, maxBody, nil); len(body) != maxBody+1 || err != nil {
		t.Errorf("beyond the bound: %d bytes, %v", len(body), err)
	}
}
