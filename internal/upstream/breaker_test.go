package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Failures to connect open the breaker, and then one connection at a time tries
// whether the server is back.
func TestBreaker(t *testing.T) {
	unreachable := fmt.Errorf("%w: refused", ErrUnreachable)
	for name, test := range map[string]struct {
		outcomes func(i int) error
		pause    time.Duration // 0: the breaker stays closed
	}{
		"unreachable":        {func(int) error { return unreachable }, refusedPause},
		"lost":               {func(int) error { return fmt.Errorf("%w: %w", ErrUnreachable, context.DeadlineExceeded) }, breakerPause},
		"half of the time":   {func(i int) error { return []error{nil, unreachable}[i%2] }, refusedPause},
		"less than half":     {func(i int) error { return []error{unreachable, nil, nil}[i%3] }, 0},
		"clients go away":    {func(int) error { return fmt.Errorf("%w: %w", ErrUnreachable, context.Canceled) }, 0},
		"connected":          {func(int) error { return nil }, 0},
		"a few, and an hour": {func(i int) error { time.Sleep(time.Minute); return unreachable }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b breaker
				for i := range breakerLeast {
					if ok, trial := b.admits(); !ok || trial {
						t.Fatalf("request %d was kept back", i)
					}
					b.count(test.outcomes(i))
				}
				time.Sleep(max(0, test.pause-1))
				if ok, _ := b.admits(); ok != (test.pause == 0) {
					t.Fatalf("admitted: %v", ok)
				}
				if test.pause == 0 {
					return
				}
				time.Sleep(time.Nanosecond)
				ok, trial := b.admits()
				another, _ := b.admits()
				if !ok || !trial || another {
					t.Errorf("admitted %v as a trial %v, and another %v", ok, trial, another)
				}
				b.count(unreachable) // the trial's outcome
				time.Sleep(test.pause)
				if ok, trial := b.admits(); !ok || !trial {
					t.Errorf("admitted %v as a trial %v", ok, trial)
				}
				b.connected()
				if ok, trial := b.admits(); !ok || trial {
					t.Errorf("admitted %v as a trial %v", ok, trial)
				}
			})
		})
	}
}

// While the breaker is open nothing reaches the server. It closes as soon as the
// server accepts a connection.
func TestOpenBreaker(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := New(Config{Server: u})
	defer transport.CloseIdleConnections()
	ask := func() error {
		r, err := http.NewRequest("POST", server.URL, strings.NewReader("code=1"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(r)
		if err == nil {
			resp.Body.Close()
		}
		return err
	}
	for range breakerLeast {
		transport.breaker.count(&net.OpError{Op: "dial", Err: context.DeadlineExceeded})
	}
	if err := ask(); !errors.Is(err, ErrUnreachable) || asked.Load() != 0 {
		t.Errorf("%v, asked %d times", err, asked.Load())
	}
	transport.breaker.paused = time.Now()
	for range 2 {
		if err := ask(); err != nil {
			t.Error(err)
		}
	}
	if asked.Load() != 2 {
		t.Errorf("asked %d times", asked.Load())
	}
}

// Only connecting tries whether a server is back: a connection of before may lead
// to nobody, and a code on it would be lost.
func TestTrialConnectsAnew(t *testing.T) {
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := New(Config{Server: u})
	defer transport.CloseIdleConnections()
	for try, want := range []int64{1, 1, 2} {
		if try == 2 {
			transport.breaker.paused = time.Now()
		}
		r, err := http.NewRequest("POST", server.URL, strings.NewReader("code=1"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := connections.Load(); got != want {
			t.Errorf("request %d: %d connections, want %d", try, got, want)
		}
	}
}
