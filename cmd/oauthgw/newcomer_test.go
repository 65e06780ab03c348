package main

import (
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A client that does not read its responses leaves its connection to a newcomer, and
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
		newcomer := s.come(t, whole)
		after(10 * time.Millisecond)
		if newcomer.answers.Load() != 1 || idle.ended.Load() != 0 || !slices.Equal(s.evicted(), []string{"response"}) {
			t.Errorf("the newcomer was answered %d times; evicted: %v", newcomer.answers.Load(), s.evicted())
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

// A newcomer takes an idle connection as soon as the request before it is whole.
func TestA161NewcomersDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 4, plain)
		for range 4 {
			s.come(t, whole)
		}
		after(2 * time.Second)
		var newcomers []*visitor
		for range 4 {
			newcomers = append(newcomers, s.come(t, ""))
		}
		after(20 * time.Millisecond)
		for _, newcomer := range newcomers {
			newcomer.say(whole)
		}
		after(10 * time.Millisecond)
		for i, newcomer := range newcomers {
			if newcomer.answers.Load() != 1 {
				t.Errorf("newcomer %d waits", i)
			}
		}
	})
}

// Clients that send a request again and again hold a connection no longer than it
// takes a newcomer to wait for the grace.
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
					newcomer := s.come(t, whole)
					after(2 * time.Second)
					if newcomer.answers.Load() != 1 {
						t.Errorf("newcomer %d waits", i)
					}
				}
				after(time.Until(end) + 3*time.Second)
			})
		})
	}
}
