package server

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestA202StreamsMeanTheSame checks that pipelined requests, in any pieces and however
// malformed, get the same responses as from net/http without a connection limit, and that
// handlers see the same.
func TestA202StreamsMeanTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		plain, limited := &recorder{listener: make(pipeListener)}, &recorder{}
		server := (&Server{config: testConfig()}).newServer(plain)
		defer server.Close()
		go func() { _ = server.Serve(plain.listener) }()
		limited.listener = newTestServer(t, 1000, limited).pipeListener
		handled := 0
		for seed := range uint64(300) {
			stream := randomStream(rand.New(rand.NewPCG(seed, 0)))
			want, got := plain.send(stream, seed), limited.send(stream, seed)
			if want != got {
				t.Fatalf("seed %d: sent %.2000q\nnet/http: %.2000q\nlimited: %.2000q", seed, stream, want, got)
			}
			handled += strings.Count(want, "handled ")
		}
		if handled < 300 {
			t.Errorf("only %d requests came to the handler", handled)
		}
	})
}

// recorder is a handler that records what it sees, behind a listener.
type recorder struct {
	listener pipeListener
	mu       sync.Mutex
	seen     strings.Builder
}

// ServeHTTP reads all of a body, half of it or nothing, and responds at once, later, in
// pieces or with nothing.
func (s *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header()["Date"] = nil // differs between the servers
	var body []byte
	switch r.URL.Path {
	case "/skip":
	case "/half":
		body, _ = io.ReadAll(io.LimitReader(r.Body, r.ContentLength/2))
	default:
		body, _ = io.ReadAll(r.Body)
	}
	s.mu.Lock()
	fmt.Fprintf(&s.seen, "handled %s %s %d %q\n", r.Method, r.RequestURI, len(r.Header), body)
	s.mu.Unlock()
	switch r.URL.Path {
	case "/none":
		return
	case "/slow":
		time.Sleep(2 * time.Millisecond)
	case "/flush":
		_ = http.NewResponseController(w).Flush()
	}
	_, _ = io.WriteString(w, "ok")
}

// send sends a stream and returns what the handler saw and the responses.
func (s *recorder) send(stream string, seed uint64) string {
	client, server := net.Pipe()
	defer client.Close()
	s.listener <- server
	go func() {
		r := rand.New(rand.NewPCG(seed, 1))
		most := []int{1 << 20, 200, 5}[r.IntN(3)]
		for rest := stream; rest != ""; {
			n := min(len(rest), 1+r.IntN(most))
			if _, err := io.WriteString(client, rest[:n]); err != nil {
				return
			}
			rest = rest[n:]
			if r.IntN(10) == 0 {
				time.Sleep(time.Millisecond)
			}
		}
	}()
	responses, err := io.ReadAll(client)
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.seen.Reset()
	return fmt.Sprintf("%s%s%v", s.seen.String(), ownID.ReplaceAll(responses, nil), err)
}

// ownID is the request ID of a response, which differs between the servers.
var ownID = regexp.MustCompile(`X-Request-Id: [A-Z2-7]{26}\r\n`)

// randomStream returns some requests, most of them well-formed, with all the line ends
// and framings that net/http knows.
func randomStream(r *rand.Rand) string {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	seldom := func(n int, of ...string) string {
		if r.IntN(n) > 0 {
			return ""
		}
		return pick(of...)
	}
	var b strings.Builder
	for range 1 + r.IntN(5) {
		nl := pick("\r\n", "\r\n", "\r\n", "\n")
		b.WriteString(seldom(8, "\r\n", "\r\n\r\n", "\n"))
		b.WriteString(seldom(30, "\r", " ", "\r\r\n", "\x00", " \r\n"))
		b.WriteString(pick("GET", "POST", "POST", "PUT", "OPTIONS", "HEAD") + " " + pick("/", "/skip", "/half", "/slow", "/none", "/flush"))
		b.WriteString(pick(" HTTP/1.1", " HTTP/1.1", " HTTP/1.1", " HTTP/1.1", " HTTP/1.0") + nl + "Host: a" + nl)
		b.WriteString(seldom(6, "F: a"+nl+" b"+nl, "F: a"+nl+"\t"+nl, "Expect: 100-continue"+nl, "Connection: keep-alive"+nl, "Connection: close"+nl))
		b.WriteString(strings.Repeat("A:"+nl, r.IntN(100)*r.IntN(2)))
		b.WriteString(seldom(20, "bad"+nl, "\rX: a"+nl, "X: a\rb"+nl, ": a"+nl, nl))
		body := pick("", strings.Repeat("\r\n", r.IntN(50)), "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", strings.Repeat("x\n", r.IntN(3000)))
		switch r.IntN(4) {
		case 0:
			b.WriteString("Transfer-Encoding: chunked" + nl + nl)
			if body != "" {
				fmt.Fprintf(&b, "%x\r\n%s\r\n", len(body), body)
			}
			b.WriteString("0\r\n" + pick("", "T: x\r\n") + "\r\n")
		case 1:
			b.WriteString(nl)
		default:
			fmt.Fprintf(&b, "Content-Length: %d%s%s%s", len(body), nl, nl, body)
		}
	}
	return b.String()
}
