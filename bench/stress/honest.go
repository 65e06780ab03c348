package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// honest are clients that do nothing wrong while others do. Half of them keep
// their connections.
type honest struct {
	s          *site
	kept, anew []*client
	// crowded says that there is no room for newcomers at times: those that come in
	// vain are counted apart.
	crowded bool
	inVain  atomic.Int64
}

// honest returns honest clients of a gateway.
func (s *site) honest(g *gateway) *honest {
	h := &honest{s: s, kept: s.clients(16, g.data), anew: s.clients(16, g.data)}
	for _, c := range h.anew {
		c.header.Set("Connection", "close")
	}
	return h
}

// service is how honest clients were served.
type service struct{ kept, anew *spans }

// served lets the clients run for a time.
func (h *honest) served(ctx context.Context, d time.Duration) service {
	v := service{&spans{}, &spans{}}
	ctx, enough := context.WithTimeout(ctx, d)
	defer enough()
	begin := func(into *spans, clients []*client, as func(errand) errand) *load {
		l := &load{tally: &h.s.tally, errands: []errand{into.of(as(redeem)), into.of(as(guess)), into.of(as(discover))}, pause: 20 * time.Millisecond, keeps: true}
		l.begin(ctx, clients)
		return l
	}
	kept, anew := begin(v.kept, h.kept, func(e errand) errand { return e }), begin(v.anew, h.anew, h.newcomer)
	kept.wait()
	anew.wait()
	return v
}

// newcomer is an errand of a client that has no connection.
func (h *honest) newcomer(e errand) errand {
	return func(c *client) (reply, error) {
		r, err := e(c)
		if h.crowded && err != nil && r.Response == nil {
			h.inVain.Add(1)
			return r, nil
		}
		return r, err
	}
}

// standing is what a gateway has that it gives back.
type standing struct{ goroutines, descriptors int }

func (g *gateway) standing() (standing, error) {
	// Asking takes a connection and its goroutines, each time the same.
	n, err := g.metric("go_goroutines")
	if err != nil {
		return standing{}, err
	}
	d, err := g.descriptors()
	return standing{int(n), d}, err
}

// calmsDown waits until a gateway has given back what it took, but for some: the
// connections that clients and provider keep.
func (g *gateway) calmsDown(ctx context.Context, before standing) error {
	var now standing
	err := await(ctx, "what was taken to be given back", func() bool {
		var err error
		now, err = g.standing()
		return err == nil && now.goroutines <= before.goroutines+keptAlive && now.descriptors <= before.descriptors+keptAlive
	})
	if err != nil {
		return fmt.Errorf("%w: %+v before, %+v now", err, before, now)
	}
	return nil
}

// keptAlive is how many connections honest clients and the provider keep, with two
// goroutines each.
const keptAlive = 150
