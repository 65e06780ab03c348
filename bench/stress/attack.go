package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// attack is what crowds do to a gateway, and what must hold meanwhile.
type attack struct {
	kinds []string
	each  int           // connections of each kind
	lasts time.Duration // at full scale
	// provider is how long the provider takes for a token request.
	provider time.Duration
	// crowded says that there are more attackers than the gateway takes connections.
	crowded bool
}

// run is the experiment: honest clients are watched before, during and after.
func (a attack) run(ctx context.Context, s *site) (string, error) {
	var h holding
	s.provider.before = h.takes(a.provider)
	g, err := s.start(ctx, "", nil)
	if err != nil {
		return "", err
	}
	honest := s.honest(g)
	before, calmErr := g.standing()
	calm := honest.served(ctx, s.during(5*time.Second))
	var tolls []func() (toll, error)
	d := s.during(a.lasts)
	for _, kind := range a.kinds {
		through, err := s.siege(ctx, kind, g.data, s.times(a.each), d)
		if err != nil {
			return "", err
		}
		tolls = append(tolls, through)
	}
	pause(ctx, d/4)
	honest.crowded = a.crowded
	meanwhile := honest.served(ctx, d*3/4)
	most, mostErr := g.descriptors()
	honest.crowded = false
	text := fmt.Sprintf("%d descriptors; clients with a connection: %s; without: %s, %d failed", most, meanwhile.kept.against(calm.kept), meanwhile.anew.against(calm.anew), honest.inVain.Load())
	for i, through := range tolls {
		t, tollErr := through()
		text += fmt.Sprintf("; %s: %s", a.kinds[i], t)
		err = errors.Join(err, tollErr)
	}
	m, memErr := g.memory()
	if m.most > s.limits.memory {
		err = errors.Join(err, fmt.Errorf("the gateway held %s of %s", mib(m.most), mib(s.limits.memory)))
	}
	after := honest.served(ctx, s.during(5*time.Second))
	err = errors.Join(err, calmErr, mostErr, memErr, g.calmsDown(ctx, before))
	return fmt.Sprintf("held %s at most; %s; afterwards: %s", mib(m.most), text, after.anew.against(calm.anew)),
		errors.Join(err, g.stop(ctx, syscall.SIGINT))
}
