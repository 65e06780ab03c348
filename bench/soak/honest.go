package main

import (
	"context"
	"fmt"
	"time"
)

// honest are clients that do nothing wrong while others do. Half of them keep
// their connections.
type honest struct {
	s          *site
	kept, anew []*client
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
	begin := func(into *spans, clients []*client) *load {
		l := &load{tally: &h.s.tally, errands: []errand{into.of(redeem), into.of(guess), into.of(discover)}, pause: 20 * time.Millisecond, keeps: true}
		l.begin(ctx, clients)
		return l
	}
	kept, anew := begin(v.kept, h.kept), begin(v.anew, h.anew)
	kept.wait()
	anew.wait()
	return v
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
