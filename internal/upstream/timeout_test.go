package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const short = 200 * time.Millisecond

// isTimeout reports whether an error is that of an exceeded timeout, after a request may have been sent.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) && errors.As(err, &timeout) && timeout.Timeout() &&
		!errors.Is(err, ErrUnreachable) && !errors.Is(err, context.DeadlineExceeded)
}

// withinTime returns a context that ends if a timeout does not work.
func withinTime(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// responses are incomplete in each state of an exchange.
var responses = map[string]string{
	"no response":         "",
	"partial status line": "HTTP/1.1 2",
	"interim response":    "HTTP/1.1 103 Early Hints\r\n\r\n",
	"partial header":      "HTTP/1.1 200 OK\r\nCanary: canary\r\nCanary",
	"partial body":        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\ncanary",
	"partial chunk":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\ncanary",
	"partial chunk size":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\ncanary\r\n1",
	"partial trailer":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\ncanary\r\n0\r\nCanary: c",
	"endless body":        "HTTP/1.1 200 OK\r\n\r\ncanary",
}

// listenTLS returns a listener and the pool that trusts its certificate.
func listenTLS(t *testing.T) (net.Listener, *tls.Config) {
	certified := httptest.NewTLSServer(http.NotFoundHandler())
	defer certified.Close()
	trust := x509.NewCertPool()
	trust.AddCert(certified.Certificate())
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certified.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	return l, &tls.Config{RootCAs: trust, ServerName: "example.com"}
}

// An exchange ends at its timeout, in every state, on a new connection and on a reused one. The
// error says so. The connection is closed and the slot released.
func TestTimeout(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		for name, text := range responses {
			t.Run(scheme+" "+name, func(t *testing.T) {
				t.Parallel()
				l, err := net.Listen("tcp", "127.0.0.1:0")
				var config *tls.Config
				if scheme == "https" {
					l.Close()
					l, config = listenTLS(t)
				}
				if err != nil {
					t.Fatal(err)
				}
				s := serveOn(t, l, func(w net.Conn, r *http.Request, body string) bool {
					return raw(map[bool]string{false: text, true: ok}[body == "good"], true)(w, r, body)
				})
				transport := New(Config{Server: &url.URL{Scheme: scheme, Host: l.Addr().String()}, TLS: config, Timeout: time.Hour})
				defer transport.CloseIdleConnections()
				transport.inFlight = make(chan struct{}, 1)
				for _, body := range []string{"good", "reused", "good"} {
					transport.timeout = time.Hour
					if body != "good" {
						transport.timeout = short
					}
					_, _, err := send(transport, post(t, withinTime(t), body))
					if body == "good" {
						if err != nil {
							t.Errorf("before or after a timeout: %v", err)
						}
						continue
					}
					if !isTimeout(err) {
						t.Errorf("got %v", err)
					}
					if err != nil && strings.Contains(strings.ToLower(err.Error()), "canary") {
						t.Errorf("the error contains what the server sent: %v", err)
					}
				}
				if s.requests.Load() != 3 || s.connections.Load() != 2 {
					t.Errorf("%d requests on %d connections", s.requests.Load(), s.connections.Load())
				}
			})
		}
	}
}

// The timeout also limits the first exchange of a connection.
func TestTimeoutOfNewConnection(t *testing.T) {
	s := serve(t, raw("", true))
	transport := New(Config{Server: &url.URL{Scheme: "http", Host: s.Addr().String()}, Timeout: short})
	if _, _, err := send(transport, post(t, withinTime(t), "code=1")); !isTimeout(err) {
		t.Errorf("got %v", err)
	}
}

// The timeout limits sending to a server that does not read.
func TestTimeoutOfSending(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	transport := New(Config{Server: &url.URL{Scheme: "http", Host: "localhost"}, Socket: path, Timeout: short})
	_, _, err = send(transport, post(t, withinTime(t), strings.Repeat("x", 1<<20))) // more than the socket takes
	if !isTimeout(err) {
		t.Errorf("got %v", err)
	}
}

// A server to which no connection is made in time is unreachable. Nothing was sent.
func TestTimeoutOfDialing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // does no handshake
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	address := l.Addr().String()
	handshake := New(Config{Server: &url.URL{Scheme: "https", Host: address}, Timeout: short})
	dial := New(Config{Server: &url.URL{Scheme: "http", Host: address}, Timeout: short})
	dial.dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		if _, hasDeadline := ctx.Deadline(); !hasDeadline {
			return nil, errors.New("no deadline")
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for name, transport := range map[string]*Transport{"dial": dial, "TLS handshake": handshake} {
		_, _, err := send(transport, post(t, t.Context(), "code=1"))
		if !errors.Is(err, ErrUnreachable) || !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, context.DeadlineExceeded) || len(transport.inFlight) != 0 {
			t.Errorf("%s: got %v, %d in flight", name, err, len(transport.inFlight))
		}
	}
}

// A connection is reused after the deadline of its previous exchange, and a response without a
// timeout may then take any time.
func TestOldDeadlines(t *testing.T) {
	l, config := listenTLS(t)
	secure := serveOn(t, l, raw(ok, true))
	plain := serve(t, raw(ok, true))
	for _, timeout := range []time.Duration{0, time.Hour} {
		for scheme, s := range map[string]*server{"http": plain, "https": secure} {
			before := s.connections.Load()
			transport := New(Config{Server: &url.URL{Scheme: scheme, Host: s.Addr().String()}, TLS: config, Timeout: timeout})
			for range 3 {
				if status, body, err := send(transport, post(t, withinTime(t), "code=1")); status != 200 || body != "{}" || err != nil {
					t.Fatalf("%s: %d %q %v", scheme, status, body, err)
				}
				_ = transport.pool.conns[0].raw.SetDeadline(time.Unix(1, 0)) // the time of its deadline has come
			}
			if n := s.connections.Load() - before; n != 1 {
				t.Errorf("%s, timeout %s: %d connections", scheme, timeout, n)
			}
			transport.CloseIdleConnections()
		}
	}
}

// The context of the client ends an exchange before its timeout, and the error wraps the context's.
func TestContextsBeforeTimeout(t *testing.T) {
	for name, text := range responses {
		arrived := make(chan bool)
		s := serve(t, func(w net.Conn, _ *http.Request, _ string) bool {
			_, _ = io.WriteString(w, text)
			arrived <- true
			return true
		})
		transport := New(Config{Server: &url.URL{Scheme: "http", Host: s.Addr().String()}, Timeout: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { <-arrived; cancel() }()
		if _, _, err := send(transport, post(t, ctx, "code=1")); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
