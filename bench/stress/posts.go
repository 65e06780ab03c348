package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"
)

// postings is how many small POSTs are sent.
const postings = 24_000

// upload is a body that the gateway does not receive before it sends it on.
var upload = strings.Repeat("x", 5<<10)

// posts sends small POSTs on connections that are kept, to pages that begin to answer at
// once and go on a moment later. Each response has to arrive whole.
func posts(ctx context.Context, s *site) (string, error) {
	g, err := s.start(ctx, "", nil)
	if err != nil {
		return "", err
	}
	clients := s.clients(12, g.data)
	var all sync.WaitGroup
	for _, c := range clients {
		all.Go(func() {
			defer c.close()
			for i := 0; i < s.times(postings/len(clients)) && ctx.Err() == nil; i++ {
				s.tally.requests.Add(1)
				if err := post(c, [...]string{"/posted", "/posted/early"}[i%2], [...]string{"{}", upload}[i/2%2]); err != nil {
					s.tally.fail(err)
				}
			}
		})
	}
	all.Wait()
	return fmt.Sprintf("%d clients", len(clients)), g.stop(ctx, syscall.SIGINT)
}

func post(c *client, path, body string) error {
	r, err := c.send(http.MethodPost, path, body, nil)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	case r.StatusCode != http.StatusOK || r.body != "{}":
		return fmt.Errorf("%s was answered %d %.200q", path, r.StatusCode, r.body)
	}
	return nil
}

// servePosted answers POSTs, and every request that follows on the connection, in two
// pieces. On a path of early it reads the body of a request only after the response.
func servePosted(w http.ResponseWriter, r *http.Request) {
	c, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	for ; err == nil; r, err = http.ReadRequest(rw.Reader) {
		early := r.URL.Path == "/posted/early"
		if !early {
			_, _ = io.CopyN(io.Discard, rw, r.ContentLength)
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
		time.Sleep(time.Millisecond)
		_, _ = io.WriteString(c, "{}")
		if early {
			_, _ = io.CopyN(io.Discard, rw, r.ContentLength)
		}
	}
}
