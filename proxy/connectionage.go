package proxy

import (
	"net/http"
	"sync"
	"time"
)

// LimitConnectionAge returns a transport like t that begins no exchange on a connection older than
// maxAge, so that a changed DNS answer is seen while there is traffic. Zero means no limit.
func LimitConnectionAge(t *http.Transport, maxAge time.Duration) http.RoundTripper {
	if maxAge == 0 {
		return t
	}
	return &agingTransport{maxAge: maxAge, current: t, since: time.Now()}
}

// agingTransport replaces its transport, and with it all connections.
type agingTransport struct {
	maxAge  time.Duration
	mu      sync.Mutex
	current *http.Transport
	since   time.Time // when current was made
}

// RoundTrip implements [http.RoundTripper].
func (t *agingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.transport().RoundTrip(r)
}

// CloseIdleConnections closes the idle connections.
func (t *agingTransport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current.CloseIdleConnections()
}

func (t *agingTransport) transport() *http.Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.since) >= t.maxAge {
		old := t.current
		t.current, t.since = old.Clone(), time.Now()
		old.CloseIdleConnections() // also those that become idle later
	}
	return t.current
}
