package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a program that runs, with those that it starts.
type process struct {
	name, address string
	command       *exec.Cmd
	log           string // the file of what it says
	ended         chan struct{}
}

// run starts a program that listens at an address. What it says goes to a file.
func (b *bed) run(name, address, program string, arguments ...string) (*process, error) {
	p := &process{name: name, address: address, log: b.file(name + ".log"), ended: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }() // the process has its own
	p.command = exec.Command(program, arguments...)
	p.command.Dir = b.directory
	p.command.Env = append(os.Environ(), "LD_LIBRARY_PATH="+b.libraries, "HOME="+b.directory, fmt.Sprintf("GOMAXPROCS=%d", b.Processors))
	p.command.Stdout, p.command.Stderr = out, out
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	b.processes = append(b.processes, p)
	go func() { _ = p.command.Wait(); close(p.ended) }()
	return p, nil
}

// await waits until the process answers, or has ended.
func (p *process) await(ctx context.Context, answers func() error) (err error) {
	for end := time.Now().Add(patience); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if err = answers(); err == nil {
			return nil
		}
		select {
		case <-p.ended:
			said, _ := os.ReadFile(p.log) // empty if there is none
			return fmt.Errorf("%s ended: %s", p.name, said)
		default:
		}
	}
	return fmt.Errorf("waited in vain for %s: %w", p.name, err)
}

// stop ends the process.
func (p *process) stop() {
	_ = p.command.Process.Signal(syscall.SIGINT)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		_ = p.command.Process.Kill()
		<-p.ended
	}
}

// family returns the numbers of the process and all below it.
func (p *process) family() ([]int, error) {
	all := []int{p.command.Process.Pid}
	for i := 0; i < len(all); i++ {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", all[i]))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			for child := range strings.FieldsSeq(string(text)) {
				pid, err := strconv.Atoi(child)
				if err != nil {
					return nil, err
				}
				all = append(all, pid)
			}
		}
	}
	return all, nil
}

// tick is the unit of processor time in /proc, which is the same on every Linux.
const tick = 10 * time.Millisecond

// spent returns the processor time of the process and all below it
// (proc_pid_stat of Linux: utime and stime).
func (p *process) spent() (time.Duration, error) {
	family, err := p.family()
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, pid := range family {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, err
		}
		_, rest, _ := strings.Cut(string(text), ") ") // the name may hold anything
		fields := strings.Fields(rest)
		for _, field := range fields[11:13] {
			n, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return 0, err
			}
			sum += time.Duration(n) * tick
		}
	}
	return sum, nil
}

// memory returns what the process and all below it hold, or with VmHWM what each
// held at most, in bytes (proc_pid_status of Linux).
func (p *process) memory(name string) (int64, error) {
	family, err := p.family()
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, pid := range family {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return 0, err
		}
		_, rest, _ := strings.Cut(string(text), "\n"+name+":")
		line, _, _ := strings.Cut(rest, "\n")
		kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(line, "kB")), 10, 64)
		if err != nil {
			return 0, err
		}
		sum += kib << 10
	}
	return sum, nil
}
