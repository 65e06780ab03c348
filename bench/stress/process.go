package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// memory is what a process holds now and held at most, in bytes.
type memory struct{ now, most int64 }

// memory reads what the gateway holds (proc_pid_status of Linux).
func (g *gateway) memory() (memory, error) {
	text, err := os.ReadFile(g.proc("status"))
	if err != nil {
		return memory{}, err
	}
	kib := func(name string) int64 {
		_, rest, _ := strings.Cut(string(text), "\n"+name+":")
		line, _, _ := strings.Cut(rest, "\n")
		n, convErr := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(line, "kB")), 10, 64)
		err = errors.Join(err, convErr)
		return n << 10
	}
	m := memory{kib("VmRSS"), kib("VmHWM")}
	return m, err
}

// descriptors counts what the gateway has open.
func (g *gateway) descriptors() (int, error) {
	entries, err := os.ReadDir(g.proc("fd"))
	return len(entries), err
}

func (g *gateway) proc(name string) string {
	return fmt.Sprintf("/proc/%d/%s", g.command.Process.Pid, name)
}

// mib writes octets as people read them.
func mib(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }
