package main

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/internal/config"
	"oauthgw/metrics"
	"oauthgw/proxy"
)

// A client that does not read its responses is evicted for a new connection, and
// the longest idle one keeps its own.
func TestA160ResponseThatIsNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 2, plain)
		idle := s.come(t, whole)
		client, other := net.Pipe()
		defer client.Close()
		s.connections <- other
		go func() { _, _ = io.WriteString(client, whole+whole) }()
		after(2 * time.Second)
		newest := s.come(t, whole)
		after(10 * time.Millisecond)
		if newest.answers.Load() != 1 || idle.ended.Load() != 0 || !slices.Equal(s.evicted(), []string{"writing"}) {
			t.Errorf("the new connection was answered %d times; evicted: %v", newest.answers.Load(), s.evicted())
		}
	})
}

// A response that is written after a long wait for the provider is not evicted.
func TestA160ExchangeIsNotEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 1, plain)
		exchange := s.come(t, atProvider)
		after(5 * time.Second)
		s.come(t, whole)
		after(5 * time.Second)
		close(s.answered)
		after(time.Second)
		if exchange.answers.Load() != 1 {
			t.Error("it was not answered")
		}
	})
}

// A new connection takes an idle one as soon as the request on the one before is whole.
func TestA161NewConnectionsDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 4, plain)
		for range 4 {
			s.come(t, whole)
		}
		after(2 * time.Second)
		var added []*visitor
		for range 4 {
			added = append(added, s.come(t, ""))
		}
		after(20 * time.Millisecond)
		for _, c := range added {
			c.say(whole)
		}
		after(10 * time.Millisecond)
		for i, c := range added {
			if c.answers.Load() != 1 {
				t.Errorf("new connection %d waits", i)
			}
		}
	})
}

// Clients that send a request again and again hold a connection no longer than it
// takes until a new connection may evict one.
func TestA161BusyConnectionsMakeRoom(t *testing.T) {
	for name, test := range map[string]struct {
		begins, ends string // of a request
		idle         int    // connections that are not busy
	}{
		"requests":                  {"", whole, 0},
		"requests in pieces":        {headerless, "x\r\nHost: a\r\n\r\n", 0},
		"requests that protect one": {headerless, "x\r\nHost: a\r\n\r\n", 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := crowdAt(t, 2+test.idle, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }))
				for range test.idle {
					s.come(t, whole)
				}
				end := time.Now().Add(30 * time.Second)
				for range 2 {
					busy := s.come(t, "")
					go func() {
						for busy.ended.Load() == 0 && time.Now().Before(end) {
							_, _ = io.WriteString(busy.Conn, test.begins)
							time.Sleep(700 * time.Millisecond)
							_, _ = io.WriteString(busy.Conn, test.ends)
						}
					}()
					after(300 * time.Millisecond)
				}
				after(10 * time.Second)
				for i := range 5 {
					newest := s.come(t, whole)
					after(2 * time.Second)
					if newest.answers.Load() != 1 {
						t.Errorf("new connection %d waits", i)
					}
				}
				after(time.Until(end) + 3*time.Second)
			})
		})
	}
}

const pipelinedPost = whole + "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\n"

// A pipelined request has as long for its body as any other.
func TestA126PipelinedBodyHasItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := proxy.New(proxy.Config{Endpoint: "revocation", Target: &url.URL{Scheme: "http", Host: "provider.example"},
			Rules: learning(t, "https://provider.example").Rules, Timeout: 2 * time.Second,
			Transport: answering(func(r *http.Request) *http.Response {
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}
			}), Metrics: metrics.New(metrics.Build{}), Log: nobody().newLog(config.Settings{})})
		if err != nil {
			t.Fatal(err)
		}
		c := crowdAt(t, 1, h).come(t, pipelinedPost+"a")
		after(time.Second)
		c.say("=")
		after(6 * time.Second)
		c.say("b")
		after(time.Second)
		if c.answers.Load() != 1 {
			t.Error("it was not answered")
		}
	})
}

// A pipelined request that is handled keeps its connection, and a drain waits for it.
func TestA126PipelinedRequestIsNotEvicted(t *testing.T) {
	for name, sends := range map[string]string{
		"it is handled":     whole + "GET /provider HTTP/1.1\r\nHost: a\r\n\r\n",
		"a third is behind": whole + "GET /provider HTTP/1.1\r\nHost: a\r\n\r\nG",
		"it has a body":     whole + atProvider,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := crowd(t, 1, plain)
				pipelined := s.come(t, sends)
				after(time.Second)
				if strings.HasSuffix(sends, "G") {
					pipelined.say("ET ")
				}
				after(time.Second)
				s.come(t, whole)
				after(5 * time.Second)
				if len(s.evicted()) != 0 || s.bound.quiet() {
					t.Errorf("evicted: %v; quiet: %v", s.evicted(), s.bound.quiet())
				}
				close(s.answered)
				after(2 * time.Second)
				if pipelined.answers.Load() != 2 {
					t.Errorf("answered %d times", pipelined.answers.Load())
				}
			})
		})
	}
}

// A pipelined request whose body does not arrive is incomplete, not idle: it is evicted
// first, and a drain waits for it.
func TestA126PipelinedRequestIsIncomplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 2, plain)
		idle := s.come(t, whole)
		after(time.Second)
		s.come(t, pipelinedPost)
		after(2 * time.Second)
		if s.bound.quiet() {
			t.Error("a drain does not wait for it")
		}
		newest := s.come(t, whole)
		after(time.Second)
		if !slices.Equal(s.evicted(), []string{"reading"}) || idle.ended.Load() != 0 || newest.answers.Load() != 1 {
			t.Errorf("evicted: %v", s.evicted())
		}
	})
}
