package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// reader is a process that reads the log through a pipe and writes it to a file.
type reader struct{ command *exec.Cmd }

// through puts the reader before a file.
func (r *reader) through(log *os.File) (*os.File, error) {
	defer func() { _ = log.Close() }() // the reader has it
	in, out, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }() // and its end of the pipe
	r.command = exec.Command("cat")
	r.command.Stdin, r.command.Stdout = in, log
	return out, r.command.Start()
}

func (r *reader) signal(sig syscall.Signal) error { return r.command.Process.Signal(sig) }

// end ends the reader, however it stands.
func (r *reader) end() {
	_ = r.command.Process.Kill()
	_ = r.command.Wait() // that it was killed
}

// clog stops the reader of the log, lets it go on, and kills it. No request may
// fail, and every exchange is a line of the log or counted as dropped.
func clog(ctx context.Context, s *site) (string, error) {
	var r reader
	g, err := s.start(ctx, "", r.through)
	if err != nil {
		return "", err
	}
	defer r.end()
	var kept, stopped, broken int64
	steps := []func() error{
		func() error { return r.signal(syscall.SIGSTOP) },
		func() error { stopped, err = s.dropping(ctx, g); return err },
		func() error { return r.signal(syscall.SIGCONT) },
		func() error { kept, err = g.accountsFor(ctx, s.tally.requests.Load(), stopped); return err },
		func() error { r.end(); return nil },
		func() error { broken, err = s.dropping(ctx, g); return err },
		func() error { return g.stop(ctx, syscall.SIGINT) },
		func() error { return s.endsUnread(ctx) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d lines dropped while the reader stood, %d of that time and before kept; %d dropped after it died; %d codes",
		stopped, kept, broken-stopped, s.provider.codes()), nil
}

// dropping sends requests until lines are dropped, and some more. It returns how
// many lines have been dropped.
func (s *site) dropping(ctx context.Context, g *gateway) (int64, error) {
	before, err := g.dropped()
	if err != nil {
		return 0, err
	}
	loading, enough := context.WithCancel(ctx)
	l := &load{tally: &s.tally, errands: []errand{redeem, guess}}
	l.begin(loading, s.clients(32, g.data))
	err = errors.Join(
		await(ctx, "lines to be dropped", func() bool { now, err := g.dropped(); return err == nil && now > before }),
		l.warm(ctx, int64(s.times(3000))))
	enough()
	l.wait()
	after, metricErr := g.dropped()
	return after, errors.Join(err, metricErr)
}

func (g *gateway) dropped() (int64, error) {
	n, err := g.metric("oauthgw_log_dropped_total")
	return int64(n), err
}

// accountsFor waits until the log holds a line for every exchange that was not
// counted as dropped, and says that lines were. It returns how many it holds.
func (g *gateway) accountsFor(ctx context.Context, exchanges, dropped int64) (int64, error) {
	var kept int64
	err := await(ctx, "a line for each exchange, or its count as dropped", func() bool {
		log := g.logged()
		kept = int64(strings.Count(log, `"msg":"request"`))
		return kept+dropped >= exchanges && strings.Contains(log, "log lines were dropped here")
	})
	return kept, err
}

// endsUnread ends a gateway whose log nobody reads to the end.
func (s *site) endsUnread(ctx context.Context) error {
	var r reader
	g, err := s.start(ctx, "", r.through)
	if err != nil {
		return err
	}
	defer r.end()
	if err := r.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	if _, err := s.dropping(ctx, g); err != nil {
		return err
	}
	return g.stop(ctx, syscall.SIGINT)
}

// toFullDevice lets a log be written to a device that is full.
func toFullDevice(_ *os.File) (*os.File, error) {
	return os.OpenFile("/dev/full", os.O_WRONLY, 0)
}
