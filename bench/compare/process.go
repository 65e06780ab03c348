package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// process is a running contender.
type process struct {
	*contender
	address string
	cmd     *exec.Cmd
	log     string // file with its output
	cancel  context.CancelFunc
	exited  chan struct{}
}

// start runs a command until ctx ends or stop is called.
func (p *process) start(ctx context.Context, f *fixture, arguments []string) error {
	p.log = filepath.Join(f.directory, p.address+".log")
	log, err := os.Create(p.log)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the process has its own descriptor
	ctx, p.cancel = context.WithCancel(ctx)
	p.cmd = exec.CommandContext(ctx, arguments[0], arguments[1:]...)
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(os.Interrupt) }
	p.cmd.WaitDelay = 5 * time.Second
	p.cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+f.peers+"/libraries", "HOME="+f.directory, fmt.Sprint("GOMAXPROCS=", processors))
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.exited = make(chan struct{})
	go func() { _ = p.cmd.Wait(); close(p.exited) }()
	return nil
}

// awaitReady waits until the process answers a request.
func (p *process) awaitReady(ctx context.Context) error {
	for end := time.Now().Add(timeout); ; time.Sleep(20 * time.Millisecond) {
		c, err := sendInTurn(p, 1, 1)
		if err == nil {
			c.close()
			return nil
		}
		if ctx.Err() != nil || time.Now().After(end) {
			output, _ := os.ReadFile(p.log) // empty if it cannot be read
			return fmt.Errorf("%s is not ready: %w; its output: %s", p.name, err, output)
		}
	}
}

// stop ends the process and waits for it.
func (p *process) stop() {
	p.cancel()
	<-p.exited
}
