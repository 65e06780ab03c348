package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"
)

// outage stops the provider and starts it again, under clients that go on. What
// was begun while it was away has to be refused as not sent, the documents stay,
// and no number of wrong secrets closes the way to it.
func outage(ctx context.Context, s *site) (string, error) {
	g, err := s.start(ctx, "metadata: {ttl: 1s}\n", nil)
	if err != nil {
		return "", err
	}
	loading, enough := context.WithCancel(ctx)
	defer enough()
	var o outages
	l := &load{tally: &s.tally, errands: []errand{o.watched(redeem), o.watched(guess), o.watched(guess), discover}, pause: 10 * time.Millisecond}
	l.begin(loading, s.clients(32, g.data))
	if err := l.warm(ctx, 500); err != nil {
		return "", err
	}
	rounds := s.times(12)
	var back spans
	for i := range rounds {
		if err = errors.Join(err, o.round(ctx, s, i, g, &back)); err != nil {
			break
		}
	}
	enough()
	l.wait()
	return fmt.Sprintf("%d outages; %d answered 503 as not sent, 99 %% within %s; %d cut off as the provider went; an answer again after %s at most, half of them %s",
			rounds, o.refused.Load(), short(o.refusals.quantile(.99)), o.cut.Load(), short(back.quantile(1)), short(back.quantile(.5))),
		errors.Join(err, g.stop(ctx, syscall.SIGINT))
}

// outages judge answers by when the request began.
type outages struct {
	gone         atomic.Int64 // the provider is away since; zero: it is there
	leaving      atomic.Bool  // the provider is closing, which takes a moment
	returned     atomic.Int64 // when it last came back
	refused, cut atomic.Int64
	refusals     spans
}

// round lets the provider be away once, now shortly and now for long.
func (o *outages) round(ctx context.Context, s *site, i int, g *gateway, back *spans) error {
	o.leaving.Store(true)
	s.provider.close()
	o.gone.Store(time.Now().UnixNano())
	o.leaving.Store(false)
	pause(ctx, []time.Duration{50 * time.Millisecond, time.Second, 6 * time.Second}[i%3])
	if err := s.provider.listen(s.provider.address()); err != nil {
		return err
	}
	start, probe := time.Now(), s.clients(1, g.data)[0]
	o.returned.Store(start.UnixNano())
	o.gone.Store(0)
	err := await(ctx, "an answer of the provider that is back", func() bool { _, err := redeem(probe); return err == nil })
	back.add(time.Since(start))
	pause(ctx, 2*time.Second)
	return err
}

// again is how long the gateway may go on refusing once the provider is back. It
// tries ten times in a second, on a machine that is not its own.
const again = 2 * time.Second

// watched accepts of an errand what an outage makes of it, and no more.
func (o *outages) watched(e errand) errand {
	return func(c *client) (reply, error) {
		start, since := time.Now(), o.gone.Load()
		r, err := e(c)
		if err == nil || r.Response == nil {
			return r, err
		}
		away := since != 0 || o.leaving.Load() || o.gone.Load() != 0 || time.Since(time.Unix(0, o.returned.Load())) < again
		end, _ := ending(c, r, nil, false)
		switch {
		case away && end == "503 not sent":
			o.refused.Add(1)
			o.refusals.add(time.Since(start))
			return r, nil
		// The connection that it had ended in the middle, before it was known to be away.
		case r.StatusCode == http.StatusBadGateway && since == 0:
			o.cut.Add(1)
			return r, nil
		}
		return r, err
	}
}
