package proxy_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/proxy"
)

// TestConnectionAge checks that constant traffic moves to a new connection when the old one
// has reached its age, that an exchange on the old one finishes, and that it is closed then.
func TestConnectionAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dialed, open atomic.Int64
		l := make(pipes)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				time.Sleep(10 * time.Minute)
			}
			_, _ = io.WriteString(w, "whole")
		})}
		go func() { _ = server.Serve(l) }()
		defer server.Close()
		base := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			client, provider := net.Pipe()
			dialed.Add(1)
			open.Add(1)
			l <- provider
			return &counted{Conn: client, open: &open}, nil
		}}
		client := &http.Client{Transport: proxy.LimitConnectionAge(base, 5*time.Minute)}
		defer client.CloseIdleConnections()
		get := func(path string) {
			resp, err := client.Get("http://provider.example" + path)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if text, err := io.ReadAll(resp.Body); string(text) != "whole" || err != nil {
				t.Errorf("%s: got %q %v", path, text, err)
			}
		}
		go get("/slow") // until minute 10
		synctest.Wait()
		for minute, want := range []struct{ dialed, open int64 }{
			0: {2, 2}, 1: {2, 2}, 4: {2, 2},
			5: {3, 2}, // the idle connection was replaced, the slow exchange goes on
			9: {3, 2}, 10: {4, 1}, 14: {4, 1}, 15: {5, 1},
		} {
			if get("/"); want.dialed > 0 {
				synctest.Wait()
				if dialed.Load() != want.dialed || open.Load() != want.open {
					t.Errorf("minute %d: %d connections were dialed and %d are open, want %d and %d", minute, dialed.Load(), open.Load(), want.dialed, want.open)
				}
			}
			time.Sleep(time.Minute)
		}
	})
}

// pipes is a listener within the process.
type pipes chan net.Conn

func (l pipes) Accept() (net.Conn, error) {
	if c, ok := <-l; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (l pipes) Close() error { close(l); return nil }
func (pipes) Addr() net.Addr { return &net.UnixAddr{} }

// counted is a connection that counts itself as open.
type counted struct {
	net.Conn
	open   *atomic.Int64
	closed atomic.Bool
}

func (c *counted) Close() error {
	if !c.closed.Swap(true) {
		c.open.Add(-1)
	}
	return c.Conn.Close()
}
