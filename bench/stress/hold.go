package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// slots is how many requests the gateway has under way at most.
	slots = 512
	// holdTime is the deadline of a request under the experiment.
	holdTime = 2 * time.Second
)

// stall lets the provider take requests and never answer, or begin to and never
// end. Each must end by the deadline as one that may have been processed, those
// beyond the bound at once, and afterwards every place must be free again.
func stall(ctx context.Context, s *site) (string, error) {
	s.timing = fmt.Sprintf(", timeout: %s", holdTime)
	g, err := s.start(ctx, "", nil)
	if err != nil {
		return "", err
	}
	var stuck atomic.Int64
	stuck.Store(1)
	s.provider.before = func(w http.ResponseWriter, r *http.Request) {
		if n := stuck.Load(); n > 0 {
			never(w, r, stuck.Add(1))
		}
	}
	var ended, free spans
	ends := &account{ends: map[string]string{}}
	rounds := s.times(4)
	for range rounds {
		stuck.Store(1)
		ends.storm(s, g, 600, &ended)
		stuck.Store(0)
		probe := s.clients(1, g.data)[0]
		err = errors.Join(err, await(ctx, "an answer of the provider that goes on", func() bool { _, err := redeem(probe); return err == nil }))
		whole := &account{ends: map[string]string{}}
		whole.storm(s, g, slots-100, &free)
		if n := whole.count("200"); n != slots-100 {
			err = errors.Join(err, fmt.Errorf("%d of %d were served afterwards: %v", n, slots-100, whole.tell()))
		}
	}
	late, busy := ends.count("504"), ends.count("503 not sent")
	if late < rounds*(slots/2) || late+busy != rounds*600 {
		err = errors.Join(err, fmt.Errorf("600 that met a stalled provider ended as %v", ends.tell()))
	}
	return fmt.Sprintf("%d times 600 at once: %s; of a deadline of %s the last took %s; %d at once took %s afterwards", rounds, ends.tell(), holdTime, short(ended.quantile(1)), slots-100, short(free.quantile(1))),
		errors.Join(err, g.stop(ctx, syscall.SIGINT))
}

// never answers nothing, half of a header, or half of a body, and waits until the
// other end is gone.
func never(w http.ResponseWriter, r *http.Request, n int64) {
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	_, _ = io.WriteString(c, []string{"", "HTTP/1.1 200 OK\r\nContent-Ty", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"}[n%3])
	_, _ = io.Copy(io.Discard, c)
	panic(http.ErrAbortHandler) // there is no connection to answer on
}

// storm sends codes from as many clients at once.
func (a *account) storm(s *site, g *gateway, n int, ended *spans) {
	var all sync.WaitGroup
	redeems := ended.of(a.redeems(true, false))
	for _, c := range s.clients(n, g.data) {
		all.Go(func() {
			defer c.close()
			s.tally.requests.Add(1)
			if _, err := redeems(c); err != nil {
				s.tally.fail(err)
			}
		})
	}
	all.Wait()
}
