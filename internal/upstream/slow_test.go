package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// Requests of one client that make the server hang, hang up or respond with
// nonsense do not open the breaker: every request of another client gets through.
func TestA132BadResponsesDoNotOpenTheBreaker(t *testing.T) {
	for name, misbehave := range map[string]func(net.Conn){
		"hangs": func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"hangs in the header": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Ty")
			_, _ = io.Copy(io.Discard, c)
		},
		"hangs in the body": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
			_, _ = io.Copy(io.Discard, c)
		},
		"hangs up":          func(net.Conn) {},
		"responds nonsense": func(c net.Conn) { _, _ = io.WriteString(c, "nonsense\r\n\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if body, _ := io.ReadAll(r.Body); string(body) != "code=bad" {
					return
				}
				if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
					misbehave(c)
					c.Close()
				}
			}))
			defer server.Close()
			u, err := url.Parse(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			transport := New(Config{Server: u})
			defer transport.CloseIdleConnections()
			var bad sync.WaitGroup
			for range 2 * breakerLeast {
				bad.Go(func() {
					if err := submit(t, transport, "code=bad", 2*time.Second); err == nil || errors.Is(err, ErrUnreachable) {
						t.Errorf("the bad request ended with %v", err)
					}
				})
			}
			bad.Wait()
			for i := range breakerLeast {
				if err := submit(t, transport, "code=good", time.Minute); err != nil {
					t.Fatalf("good request %d: %v", i, err)
				}
			}
		})
	}
}

// submit sends a form and reads the response whole.
func submit(t *testing.T, transport *Transport, form string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "POST", transport.Server.String(), strings.NewReader(form))
	if err != nil {
		return err
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	return err
}
