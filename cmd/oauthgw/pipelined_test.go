package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/metrics"
	"oauthgw/proxy"
)

const pipelinedPost = whole + "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\n"

// A pipelined request has as long for its body as any other.
func TestA126PipelinedBodyHasItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := proxy.New(proxy.Config{Endpoint: "revocation", Target: &url.URL{Scheme: "http", Host: "provider.example"},
			Rules: learning(t, "https://provider.example").rules, Timeout: 2 * time.Second,
			Transport: answering(func(r *http.Request) *http.Response {
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}
			}), Metrics: metrics.New(metrics.Build{}), Log: nobody().newLog(settings{})})
		if err != nil {
			t.Fatal(err)
		}
		s := crowdAt(t, 1, h)
		client, other := net.Pipe()
		defer client.Close()
		s.connections <- other
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			_, _ = io.WriteString(client, pipelinedPost+"a")
			time.Sleep(time.Second)
			_, _ = io.WriteString(client, "=")
			time.Sleep(6 * time.Second)
			_, _ = io.WriteString(client, "b")
		}()
		responses := bufio.NewReader(client)
		for _, want := range []int{405, 200} {
			resp, err := http.ReadResponse(responses, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			if resp.StatusCode != want {
				t.Errorf("got %d instead of %d", resp.StatusCode, want)
			}
		}
		<-sent
	})
}

// A pipelined request is no idle connection, neither while its body arrives nor while
// it is handled.
func TestA126PipelinedRequestIsNotIdle(t *testing.T) {
	for name, sends := range map[string]string{
		"its body arrives":  pipelinedPost,
		"it is handled":     whole + "GET /provider HTTP/1.1\r\nHost: a\r\n\r\n",
		"a third is behind": whole + "GET /provider HTTP/1.1\r\nHost: a\r\n\r\nG",
		"it has a body":     whole + atProvider,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := crowd(t, 2, plain)
				pipelined := s.come(t, sends)
				after(time.Second)
				if strings.HasSuffix(sends, "G") {
					pipelined.say("ET ")
				}
				after(time.Second)
				if s.bound.quiet() {
					t.Error("a drain does not wait for it")
				}
				close(s.answered)
				pipelined.say("a=b")
				after(time.Second)
				if pipelined.answers.Load() != 2 {
					t.Errorf("it was answered %d times", pipelined.answers.Load())
				}
			})
		})
	}
}

// A pipelined request that is handled keeps its connection.
func TestA126PipelinedRequestIsNotEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 1, plain)
		pipelined := s.come(t, whole+"GET /provider HTTP/1.1\r\nHost: a\r\n\r\n")
		after(2 * time.Second)
		newcomer := s.come(t, whole)
		after(5 * time.Second)
		if len(s.evicted()) != 0 {
			t.Errorf("evicted: %v", s.evicted())
		}
		close(s.answered)
		after(2 * time.Second)
		if pipelined.answers.Load() != 2 || newcomer.answers.Load() != 1 {
			t.Errorf("answered %d and %d times", pipelined.answers.Load(), newcomer.answers.Load())
		}
	})
}

// A pipelined request whose body does not arrive is an incomplete request, which leaves
// before idle connections do.
func TestA126PipelinedRequestIsIncomplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowd(t, 2, plain)
		idle := s.come(t, whole)
		after(time.Second)
		s.come(t, pipelinedPost)
		after(2 * time.Second)
		newcomer := s.come(t, whole)
		after(time.Second)
		if !slices.Equal(s.evicted(), []string{"request"}) || idle.ended.Load() != 0 || newcomer.answers.Load() != 1 {
			t.Errorf("evicted: %v", s.evicted())
		}
	})
}
