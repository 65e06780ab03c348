package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Failures in a row open the breaker. After a pause it allows one request to dial.
func TestBreaker(t *testing.T) {
	refused := errors.New("refused")
	lastSucceeds := func(i int) error {
		if i == breakerThreshold-1 {
			return nil
		}
		return refused
	}
	for name, test := range map[string]struct {
		result func(i int) error
		pause  time.Duration // 0: the breaker stays closed
	}{
		"refused":         {func(int) error { return refused }, breakerRefusedPause},
		"timeout":         {func(int) error { return fmt.Errorf("dial: %w", context.DeadlineExceeded) }, breakerTimeoutPause},
		"last succeeds":   {lastSucceeds, 0},
		"client canceled": {func(int) error { return fmt.Errorf("dial: %w", context.Canceled) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b breaker
				expect := func(allowed, halfOpen bool) {
					t.Helper()
					if a, h := b.allow(); a != allowed || h != halfOpen {
						t.Errorf("allowed %v, half open %v", a, h)
					}
				}
				for i := range breakerThreshold {
					expect(true, false)
					b.record(test.result(i))
				}
				if test.pause == 0 {
					expect(true, false)
					return
				}
				time.Sleep(test.pause - 1)
				expect(false, false)
				time.Sleep(time.Nanosecond)
				expect(true, true)
				expect(false, false)
				b.record(test.result(0))
				time.Sleep(test.pause)
				expect(true, true)
				b.record(nil)
				expect(true, false)
			})
		})
	}
}

// An open breaker sends nothing. A half-open breaker dials: an idle connection could be
// dead, and a code sent on it lost.
func TestHalfOpenBreakerDials(t *testing.T) {
	s := serve(t, raw(ok, true))
	transport := s.transport(t)
	expect := func(connections, requests int64) {
		t.Helper()
		if _, _, err := send(transport, post(t, t.Context(), "code=1")); err != nil {
			t.Error(err)
		}
		if s.connections.Load() != connections || s.requests.Load() != requests {
			t.Errorf("%d requests on %d connections", s.requests.Load(), s.connections.Load())
		}
	}
	expect(1, 1)
	expect(1, 2)
	transport.breaker.openUntil = time.Now().Add(time.Hour)
	if _, _, err := send(transport, post(t, t.Context(), "code=1")); !errors.Is(err, ErrUnreachable) {
		t.Error(err)
	}
	transport.breaker.openUntil = time.Now()
	expect(2, 3)
	expect(2, 4)
}

// Requests that make the server hang, close the connection or respond with nonsense do not
// open the breaker for others.
func TestA132BadResponsesDoNotOpenTheBreaker(t *testing.T) {
	hang := func(text string) responder {
		return func(w net.Conn, _ *http.Request, _ string) bool {
			_, _ = io.WriteString(w, text)
			_, _ = io.Copy(io.Discard, w)
			return false
		}
	}
	for name, misbehave := range map[string]responder{
		"hangs":               hang(""),
		"hangs in the header": hang("HTTP/1.1 200 OK\r\nContent-Ty"),
		"hangs in the body":   hang("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
		"closes":              raw("", false),
		"responds nonsense":   raw("nonsense\r\n\r\n", false),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w net.Conn, r *http.Request, body string) bool {
				if body == "code=bad" {
					return misbehave(w, r, body)
				}
				return raw(ok, true)(w, r, body)
			})
			transport := s.transport(t)
			var bad sync.WaitGroup
			for range 2 * breakerThreshold {
				bad.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					defer cancel()
					if _, _, err := send(transport, post(t, ctx, "code=bad")); err == nil || errors.Is(err, ErrUnreachable) {
						t.Errorf("the bad request ended with %v", err)
					}
				})
			}
			bad.Wait()
			for i := range breakerThreshold {
				if _, _, err := send(transport, post(t, t.Context(), "code=good")); err != nil {
					t.Fatalf("good request %d: %v", i, err)
				}
			}
		})
	}
}
