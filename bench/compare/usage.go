package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// usage is what a process takes.
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
	n, _ := strconv.Atoi(text) // Linux writes digits
	return n
}
