package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"
)

// rate is how many requests are sent in a second, whether or not those before are
// answered.
const rate = 1000

// steady sends requests at a rate, a second to the provider and a second to the
// gateway in turns, so that what disturbs the machine meets both.
func steady(ctx context.Context, s *site) (string, error) {
	g, err := s.start(ctx, "", nil)
	if err != nil {
		return "", err
	}
	direct, through := s.clients(64, s.provider.address()), s.clients(64, g.data)
	var warm, there, here spans
	s.sendForASecond(direct, redeemByForm, &warm)
	s.sendForASecond(through, redeem, &warm)
	seconds := s.times(60)
	for range seconds {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		s.sendForASecond(direct, redeemByForm, &there)
		s.sendForASecond(through, redeem, &here)
	}
	for _, c := range append(direct, through...) {
		c.close()
	}
	text := fmt.Sprintf("%d s to each, %d codes", seconds, s.provider.codes())
	for _, part := range []float64{.5, .99, .999} {
		a, b := there.quantile(part), here.quantile(part)
		text += fmt.Sprintf("; p%g: %s to the provider, %s through the gateway, %+.2f ms", 100*part, short(a), short(b), (b-a).Seconds()*1000)
	}
	return text, g.stop(ctx, syscall.SIGINT)
}

// redeemByForm is redeem as the provider understands it.
func redeemByForm(c *client) (reply, error) {
	c.code++
	r, err := c.tokenWith(c.code, secret, url.Values{"client_id": {c.id}, "client_secret": {secret}},
		func(r *http.Request) { r.Header.Del("Authorization") })
	if err == nil && (r.StatusCode != http.StatusOK || !strings.Contains(r.body, `"`+tokenFor(c.id, c.code)+`"`)) {
		err = fmt.Errorf("the provider answered a code %d %.200s", r.StatusCode, r.body)
	}
	return r, err
}

// sendForASecond lets clients send requests on a schedule. A request takes from when
// it was due, so that nothing that waits for a client is left out.
func (s *site) sendForASecond(clients []*client, e errand, took *spans) {
	due := make(chan time.Time, rate)
	var running sync.WaitGroup
	for _, c := range clients {
		running.Go(func() {
			for at := range due {
				_, err := e(c)
				took.add(time.Since(at))
				s.tally.requests.Add(1)
				if err != nil {
					s.tally.fail(err)
				}
			}
		})
	}
	begins := time.Now()
	for i := range rate {
		at := begins.Add(time.Duration(i) * time.Second / rate)
		time.Sleep(time.Until(at))
		due <- at
	}
	close(due)
	running.Wait()
}
