package wellknown_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/metrics"
	"oauthgw/wellknown"
)

// A fetch at which the program fails is one that failed: the program goes on, the
// document of before is served, and what the panic was about is told nobody.
func TestFetchThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m *metrics.Metrics
		way := &panicking{}
		p := &provider{}
		p.says(writeDocument)
		h := newHandler(t, p, func(c *wellknown.SourceConfig) {
			m, way.RoundTripper = c.Metrics, c.Transport
			c.Transport = way
		})
		for _, round := range []struct {
			panics bool
			status int
		}{{true, http.StatusServiceUnavailable}, {false, http.StatusOK}, {true, http.StatusOK}, {false, http.StatusOK}} {
			way.panics = round.panics
			if w := get(h, location); w.Code != round.status || strings.Contains(w.Body.String(), "canary") {
				t.Errorf("panics %v: %d %s", round.panics, w.Code, w.Body)
			}
			time.Sleep(2 * time.Minute)
		}
		if _, err := h.Source.Provider(t.Context()); err != nil {
			t.Error(err)
		}
		exposed := httptest.NewRecorder()
		m.Handler().ServeHTTP(exposed, httptest.NewRequest("GET", "/metrics", nil))
		if !strings.Contains(exposed.Body.String(), "oauthgw_panics_total 2\n") {
			t.Error(exposed.Body)
		}
	})
}

// What is told of it is where it happened.
func TestFetchThatPanicsIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHandler(t, &provider{}, func(c *wellknown.SourceConfig) { c.Transport = &panicking{panics: true} })
		_, err := h.Source.Provider(t.Context())
		if err == nil || !strings.Contains(err.Error(), "string in oauthgw/wellknown_test.(*panicking).RoundTrip") || strings.Contains(err.Error(), "canary") {
			t.Error(err)
		}
	})
}

type panicking struct {
	http.RoundTripper
	panics bool
}

// RoundTrip implements [http.RoundTripper].
func (p *panicking) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.panics {
		panic("canary")
	}
	return p.RoundTripper.RoundTrip(r)
}
