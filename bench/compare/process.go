package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
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

// awaitReady waits until the process responds to a request.
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

// usage is the processor time and memory of a process.
type usage struct {
	cpu      time.Duration // user and system time since the start
	resident float64       // MiB in memory
}

// clockTick is the unit of processor times in /proc, the same on every Linux.
const clockTick = 10 * time.Millisecond

// usage reads proc_pid_stat(5) and proc_pid_statm(5) of a process and its children. A
// master that only waits for its workers would otherwise cost nothing.
func (p *process) usage() (total usage, err error) {
	pid := strconv.Itoa(p.cmd.Process.Pid)
	children, err := os.ReadFile(filepath.Join("/proc", pid, "task", pid, "children"))
	if err != nil {
		return total, err
	}
	for _, pid := range append(strings.Fields(string(children)), pid) {
		stat, statErr := os.ReadFile(filepath.Join("/proc", pid, "stat"))
		statm, statmErr := os.ReadFile(filepath.Join("/proc", pid, "statm"))
		if err := errors.Join(statErr, statmErr); err != nil {
			return total, err
		}
		_, rest, _ := strings.Cut(string(stat), ") ") // the program's name may contain spaces
		ticks, pages := strings.Fields(rest)[11:13], strings.Fields(string(statm))[1]
		total.cpu += time.Duration(number(ticks[0])+number(ticks[1])) * clockTick
		total.resident += float64(number(pages)*os.Getpagesize()) / (1 << 20)
	}
	return total, nil
}

func number(text string) int {
	n, _ := strconv.Atoi(text) // always digits
	return n
}
