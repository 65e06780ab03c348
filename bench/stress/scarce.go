package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// few lets a gateway have 256 descriptors.
func few(c *exec.Cmd) {
	c.Args = append([]string{"sh", "-c", `ulimit -n 256 && exec "$0" "$@"`}, c.Args...)
	c.Path = "/bin/sh"
}

// scarce opens four times as many connections as the gateway has descriptors.
// Whoever has a connection must be served, and afterwards everyone.
func scarce(ctx context.Context, s *site) (string, error) {
	s.prepare = few
	g, err := s.start(ctx, "", nil)
	if err != nil {
		return "", err
	}
	h := s.honest(g)
	calm := h.served(ctx, s.during(5*time.Second))
	d := s.during(30 * time.Second)
	through, err := s.siege(ctx, "idle", g.data, 1000, d)
	if err != nil {
		return "", err
	}
	pause(ctx, d/6)
	newcomers := h.anew
	h.anew = nil
	worked := g.processorTime()
	meanwhile := h.served(ctx, d/2)
	worked = g.processorTime() - worked
	n, countErr := g.descriptors()
	t, tollErr := through()
	h.anew = newcomers
	start, probe := time.Now(), s.clients(1, g.data)[0]
	_, probeErr := redeem(probe)
	recovered := time.Since(start)
	after := h.served(ctx, s.during(5*time.Second))
	return fmt.Sprintf("%d descriptors; %s; clients with a connection: %s, for %s of processor time in %s; the first without one was served after %s; then %s",
			n, t, meanwhile.kept.against(calm.kept), short(worked), d/2, short(recovered), after.anew.against(calm.anew)),
		errors.Join(countErr, tollErr, probeErr, g.stop(ctx, syscall.SIGINT))
}

// processorTime is what the gateway has used of the processors.
func (g *gateway) processorTime() time.Duration {
	text, _ := os.ReadFile(g.proc("stat")) // none of one that is gone
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}
