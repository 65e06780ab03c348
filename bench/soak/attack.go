package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// sidecar is what a gateway beside a provider may hold, in bytes.
const sidecar = 256 << 20

// limited gives a gateway the soft limit of memory that the sidecar's would
// bring.
func limited(c *exec.Cmd) { c.Env = append(c.Environ(), fmt.Sprintf("GOMEMLIMIT=%d", sidecar*9/10)) }

// attack is what crowds do to a gateway, and what must hold meanwhile.
type attack struct {
	kinds []string
	each  int           // connections of each kind
	lasts time.Duration // at full scale
	most  int64         // what the gateway may hold, in bytes
	// provider is how long the provider takes for a token request.
	provider time.Duration
	// crowded says that there are more attackers than the gateway takes connections.
	crowded bool
}

// run is the experiment: honest clients are watched before, during and after.
func (a attack) run(ctx context.Context, s *site) (string, error) {
	s.prepare = limited
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
	text := fmt.Sprintf("%d descriptors; clients with a connection: %s; without: %s, %d in vain", most, meanwhile.kept.against(calm.kept), meanwhile.anew.against(calm.anew), honest.inVain.Load())
	for i, through := range tolls {
		t, tollErr := through()
		text += fmt.Sprintf("; %s: %s", a.kinds[i], t)
		err = errors.Join(err, tollErr)
	}
	m, memErr := g.memory()
	if m.most > a.most {
		err = errors.Join(err, fmt.Errorf("the gateway held %s", mib(m.most)))
	}
	after := honest.served(ctx, s.during(5*time.Second))
	err = errors.Join(err, calmErr, mostErr, memErr, g.calmsDown(ctx, before))
	return fmt.Sprintf("held %s at most; %s; afterwards: %s", mib(m.most), text, after.anew.against(calm.anew)),
		errors.Join(err, g.stop(ctx, syscall.SIGINT))
}
