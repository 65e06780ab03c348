package proxy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/authlimit"
	"oauthgw/internal/responserecorder"
	"oauthgw/internal/state"
	"oauthgw/internal/trustedproxy"
	"oauthgw/metrics"
	"oauthgw/proxy"
)

// guarded is a fronted endpoint that limits failures, before a provider without a
// network between them, which takes a form that holds s3cret-one and no other.
type guarded struct {
	http.Handler
	front
	asked  atomic.Int64
	answer func(form string) (status int, body string)
}

func newGuarded(t *testing.T, change ...func(*proxy.Config)) *guarded {
	t.Helper()
	g := &guarded{front: front{metrics: metrics.New(metrics.Build{}), log: new(bytes.Buffer)}}
	g.answer = func(form string) (int, string) {
		if strings.Contains(form, "client_secret=s3cret-one") {
			return 200, tokenAnswer
		}
		return 401, `{"error":"invalid_client"}`
	}
	limited := func(c *proxy.Config) {
		c.Transport, c.Failures = g, authlimit.New(authlimit.Config{Burst: 2, Interval: 10 * time.Second}, state.NewMemory())
	}
	g.Handler = newHandler(t, "http://provider.example", &g.front, append([]func(*proxy.Config){limited}, change...)...)
	return g
}

// RoundTrip is the provider.
func (g *guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	g.asked.Add(1)
	form, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	status, body := g.answer(string(form))
	return respond(r, status, http.Header{"Content-Type": {"application/json"}}, body), nil
}

// from carries a token request that came from an address, with header fields.
func (g *guarded) from(address, form string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "http://login.example.com/oauth2/tokens", strings.NewReader(form))
	r.RemoteAddr = address
	r.Header = ofForm(header...)
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

const (
	stranger = "192.0.2.66:1"
	client   = "192.0.2.1:1"
	guess    = "client_id=app&client_secret=gue55-one"
	right    = "client_id=app&client_secret=s3cret-one"
)

// TestRateLimit checks the burst, the wait, its error response, and that the limit is for one
// client at one address.
func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuarded(t)
		for range 2 {
			if w := g.from(stranger, guess); w.Code != 401 {
				t.Fatalf("within the burst: got %d", w.Code)
			}
		}
		time.Sleep(time.Second / 2)
		// The right secret is rejected too: a different response would confirm it.
		for _, form := range []string{guess, right} {
			w := g.from(stranger, form)
			if w.Code != 429 || w.Header().Get("Retry-After") != "10" || w.Header().Get("Www-Authenticate") != "" ||
				!strings.Contains(w.Body.String(), `"error":"temporarily_unavailable"`) {
				t.Errorf("got %d %v %s", w.Code, w.Header(), w.Body)
			}
		}
		if n := g.asked.Load(); n != 2 {
			t.Errorf("the provider was called %d times", n)
		}
		if w := g.from(client, right); w.Code != 200 {
			t.Errorf("the client at another address: got %d", w.Code)
		}
		if w := g.from(stranger, strings.Replace(right, "app", "app2", 1)); w.Code != 200 {
			t.Errorf("another client at the same address: got %d", w.Code)
		}
		time.Sleep(9*time.Second + time.Second/2)
		for range 5 {
			if w := g.from(stranger, right); w.Code != 200 {
				t.Errorf("after the wait: got %d", w.Code)
			}
		}
		if line := g.log.String(); strings.Count(line, `"outcome":"rate_limited","auth_method":"client_secret_post","client_id":"app"}`) != 2 ||
			strings.Contains(line, "gue55") || strings.Contains(line, "s3cret") {
			t.Errorf("the log has\n%s", line)
		}
		if counts := g.metrics.ClientAuthCounts(); len(counts) != 3 {
			t.Errorf("the metrics have %v", counts)
		}
	})
}

// TestForwardedFieldsDoNotHideGuesses checks that the address is the one that a trusted proxy
// saw.
func TestForwardedFieldsDoNotHideGuesses(t *testing.T) {
	proxies, err := trustedproxy.Parse([]string{"10.0.0.1"}, trustedproxy.ForwardedFor, false)
	if err != nil {
		t.Fatal(err)
	}
	trusting := func(c *proxy.Config) { c.Proxies = proxies }
	for name, appended := range map[string]string{"directly": "", "through a proxy": ", 192.0.2.66"} {
		t.Run(name, func(t *testing.T) {
			g, peer := newGuarded(t, trusting), stranger
			if appended != "" {
				peer = "10.0.0.1:1"
			}
			for i := range 50 {
				g.from(peer, guess, "X-Forwarded-For", fmt.Sprintf("203.0.113.%d%s", i, appended), "Forwarded", fmt.Sprintf("for=203.0.113.%d", i))
			}
			if n := g.asked.Load(); n != 2 {
				t.Errorf("the provider was asked %d times", n)
			}
			if w := g.from("10.0.0.1:1", right, "X-Forwarded-For", "192.0.2.1"); w.Code != 200 {
				t.Errorf("the client behind the proxy: got %d", w.Code)
			}
		})
	}
}

// TestFailures checks that only secrets that the provider has rejected count.
func TestFailures(t *testing.T) {
	rejects := func(string) (int, string) { return 400, `{"error":"invalid_client"}` }
	answers := func(status int, body string) func(string) (int, string) {
		return func(string) (int, string) { return status, body }
	}
	for name, test := range map[string]struct {
		form   string
		basic  string // the Authorization field
		answer func(string) (int, string)
		counts bool
	}{
		"a secret in the form":             {guess, "", rejects, true},
		"a secret by Basic":                {"x=y", basicField, rejects, true},
		"a secret without a client":        {"client_secret=gue55-one", "", rejects, true},
		"Basic without a secret":           {"x=y", "Basic YXBwOg==", rejects, false},
		"a public client":                  {"client_id=app", "", rejects, false},
		"an assertion":                     {"client_id=app&client_assertion=a.b.c&client_assertion_type=jwt", "", rejects, false},
		"a token":                          {"client_id=app", "Bearer t0ken", rejects, false},
		"Basic that cannot be read":        {"x=y", "Basic ????", rejects, false},
		"a grant that is refused":          {guess, "", answers(400, `{"error":"invalid_grant"}`), false},
		"another 401":                      {guess, "", answers(401, `{"error":"invalid_token"}`), false},
		"a provider that fails":            {guess, "", answers(500, `{"error":"invalid_client"}`), false},
		"a reply that is not passed on":    {guess, "", answers(302, ""), false},
		"a success that looks like a fail": {guess, "", answers(200, `{"error":"invalid_client"}`), false},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGuarded(t)
			g.answer = test.answer
			var last int
			for range 4 {
				last = g.from(stranger, test.form, "Authorization", test.basic).Code
			}
			if (last == 429) != test.counts {
				t.Errorf("the last answer is %d", last)
			}
			if !test.counts && g.from(stranger, guess).Code == 429 {
				t.Error("then a secret has to wait")
			}
		})
	}
}

// Each endpoint has the same secret to guess.
func TestFailuresOfAllEndpointsCountTogether(t *testing.T) {
	shared := authlimit.New(authlimit.Config{Burst: 2, Interval: time.Hour}, state.NewMemory())
	sharing := func(c *proxy.Config) { c.Failures = shared }
	token, revocation := newGuarded(t, sharing), newGuarded(t, sharing, at(clientauth.Revocation))
	token.from(stranger, guess)
	revocation.from(stranger, guess)
	if a, b := token.from(stranger, right).Code, revocation.from(stranger, right).Code; a != 429 || b != 429 {
		t.Errorf("got %d and %d", a, b)
	}
}

// A provider that delays its response to a wrong secret does not help a client that
// leaves before the response: the failure counts when it arrives.
func TestA154GuessesOfClientsThatLeave(t *testing.T) {
	for contentType, form := range map[string]string{"application/x-www-form-urlencoded": guess, "application/json": `{"client_id":"app","client_secret":"gue55-one"}`} {
		synctest.Test(t, func(t *testing.T) {
			var g *guarded
			g = newGuarded(t, limiting(2, 2), func(c *proxy.Config) {
				c.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
					resp, err := g.RoundTrip(r)
					select {
					case <-time.After(time.Second):
						return resp, err
					case <-r.Context().Done():
						return nil, r.Context().Err()
					}
				})
			})
			for range 5 {
				ctx, leave := context.WithTimeout(t.Context(), 100*time.Millisecond)
				r := httptest.NewRequest("POST", "/oauth2/tokens", strings.NewReader(form)).WithContext(ctx)
				r.RemoteAddr = stranger
				r.Header.Set("Content-Type", contentType)
				func() {
					defer func() { _ = recover() }() // as net/http does
					g.ServeHTTP(httptest.NewRecorder(), r)
				}()
				leave()
			}
			if n := g.asked.Load(); n != 2 {
				t.Errorf("%s: %d guesses were made", contentType, n)
			}
		})
	}
}

// The log line of a guess says that its client has left, also if the provider failed after that.
func TestEndOfGuessesOfClientsThatLeave(t *testing.T) {
	for _, failure := range []error{nil, errors.New("broken")} {
		synctest.Test(t, func(t *testing.T) {
			g := newGuarded(t, limiting(2, 2), func(c *proxy.Config) {
				c.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
					time.Sleep(time.Second)
					return &http.Response{StatusCode: 401, Header: http.Header{}, Body: http.NoBody, Request: r}, failure
				})
			})
			ctx, leave := context.WithCancel(t.Context())
			time.AfterFunc(100*time.Millisecond, leave)
			r := httptest.NewRequest("POST", "/oauth2/tokens", strings.NewReader(guess)).WithContext(ctx)
			r.RemoteAddr = stranger
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			recorder, w := responserecorder.Wrap(httptest.NewRecorder())
			g.ServeHTTP(w, r)
			if _, end := recorder.Result(true); end != "client" {
				t.Errorf("%v: the response ended as %q", failure, end)
			}
		})
	}
}

// A body that the gateway does not open may hold a secret.
func TestA144GuessesInJSON(t *testing.T) {
	g := newGuarded(t, limiting(2, 5))
	for i := range 20 {
		g.from(stranger, fmt.Sprintf(`{"client_id":"app","client_secret":"gue55-%d"}`, i), "Content-Type", "application/json")
	}
	if n := g.asked.Load(); n != 5 {
		t.Errorf("%d guesses were made", n)
	}
	if w := g.from(stranger, right); w.Code != 429 {
		t.Errorf("a form: got %d", w.Code)
	}
	if w := g.from(client, `{"client_id":"app","client_secret":"s3cret-one"}`, "Content-Type", "application/json"); w.Code == 429 {
		t.Errorf("another address: got %d", w.Code)
	}
}

// A server may find a secret where the gateway sees another scheme.
func TestA199RejectionsOfOtherSchemes(t *testing.T) {
	for _, test := range []struct {
		status int
		body   string
		counts bool
	}{{401, `{"error":"invalid_client"}`, true}, {400, `{"error":"invalid_client"}`, true}, {401, `{"error":"invalid_token"}`, false}, {401, "", false}} {
		g := newGuarded(t, limiting(2, 5))
		g.answer = func(string) (int, string) { return test.status, test.body }
		for range 10 {
			g.from(stranger, "grant_type=client_credentials", "Authorization", "Credentials YXBwOmd1ZXNz")
		}
		if n := g.asked.Load(); (n == 5) != test.counts {
			t.Errorf("%d %s: %d guesses were made", test.status, test.body, n)
		}
		if w := g.from(client, "grant_type=client_credentials", "Authorization", "Credentials x"); w.Code != test.status {
			t.Errorf("another address: got %d", w.Code)
		}
	}
}

func limiting(burst, addressBurst int) func(*proxy.Config) {
	return func(c *proxy.Config) {
		c.Failures = authlimit.New(authlimit.Config{Burst: burst, AddressBurst: addressBurst, Interval: 10 * time.Second}, state.NewMemory())
	}
}
