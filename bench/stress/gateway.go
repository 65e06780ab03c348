package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// gateway is an oauthgw process.
type gateway struct {
	command     *exec.Cmd
	config      string // name of the configuration file
	data, admin string // addresses
	exited      chan struct{}
	err         error // of the process; valid when exited is closed
}

// startGateway starts a gateway in front of the provider and waits until it is ready.
// options are added to the configuration.
func (e *env) startGateway(ctx context.Context, options string) (*gateway, error) {
	n := len(e.gateways)
	g := &gateway{config: e.file(fmt.Sprintf("%d.yaml", n)), data: freeAddress(), admin: freeAddress(), exited: make(chan struct{})}
	if e.samePorts && n > 0 {
		g.data, g.admin = e.gateways[n-1].data, e.gateways[n-1].admin
	}
	if err := g.configure(e, options); err != nil {
		return nil, err
	}
	log, err := e.openLog(e.file(fmt.Sprintf("%d.log", n)))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the process has a copy
	g.command = exec.Command(e.binary, "--config.file="+g.config)
	if e.maxFiles > 0 {
		shell := fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, e.maxFiles)
		g.command = exec.Command("/bin/sh", "-c", shell, e.binary, "--config.file="+g.config)
	}
	g.command.Env = append(os.Environ(), "GOMEMLIMIT="+e.limits.goMemLimit)
	g.command.Stdout, g.command.Stderr = log, log
	if err := g.command.Start(); err != nil {
		return nil, err
	}
	e.gateways = append(e.gateways, g)
	go func() { g.err = g.command.Wait(); close(g.exited) }()
	return g, waitFor(ctx, "the gateway to be ready", func() bool { return g.expect(http.MethodGet, "/-/ready", http.StatusOK) == nil })
}

// freeAddress returns an address that nothing listens on.
func freeAddress() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "" // which the gateway rejects
	}
	defer l.Close()
	return l.Addr().String()
}

// configure writes the configuration file.
func (g *gateway) configure(e *env, options string) error {
	return replaceFile(g.config, fmt.Sprintf("listen: %s\nadmin: {listen: %s}\nupstream: {url: %s%s}\n%s",
		g.data, g.admin, e.provider.url, e.upstreamOptions, options))
}

// expect sends a request to the admin listener and returns an error for another status
// than want.
func (g *gateway) expect(method, path string, want int) error {
	if status, text, err := g.adminRequest(method, path); err != nil || status != want {
		return fmt.Errorf("%s: got %d %s %w", path, status, text, err)
	}
	return nil
}

func (g *gateway) adminRequest(method, path string) (status int, text string, err error) {
	r, err := http.NewRequest(method, "http://"+g.admin+path, nil)
	if err != nil {
		return 0, "", err
	}
	r.Close = true
	resp, err := (&http.Client{Timeout: maxWait}).Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// metric returns the sum of the series of a metric.
func (g *gateway) metric(name string) (sum int64, err error) {
	_, text, err := g.adminRequest(http.MethodGet, "/metrics")
	for line := range strings.Lines(text) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if base, _, _ := strings.Cut(series, "{"); base == name {
			n, parseErr := strconv.ParseFloat(value, 64)
			sum, err = sum+int64(n), errors.Join(err, parseErr)
		}
	}
	return sum, err
}

// resources is what a gateway uses.
type resources struct {
	goroutines, files int64
	memory, peak      int64 // resident, in bytes
}

func (r resources) String() string {
	return fmt.Sprintf("%s, %d files, %d goroutines", mib(r.memory), r.files, r.goroutines)
}

// resources reads what the gateway uses now (proc_pid_status and proc_pid_fd of Linux).
func (g *gateway) resources() (resources, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.command.Process.Pid))
	files, filesErr := g.openFiles()
	goroutines, metricErr := g.metric("go_goroutines")
	err = errors.Join(err, filesErr, metricErr)
	bytes := func(name string) int64 {
		_, rest, _ := strings.Cut(string(status), "\n"+name+":")
		line, _, _ := strings.Cut(rest, "\n")
		kib, parseErr := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(line, "kB")), 10, 64)
		err = errors.Join(err, parseErr)
		return kib << 10
	}
	r := resources{goroutines, files, bytes("VmRSS"), bytes("VmHWM")}
	return r, err
}

func (g *gateway) openFiles() (int64, error) {
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", g.command.Process.Pid))
	return int64(len(files)), err
}

// mib formats a number of bytes.
func mib(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }

func (g *gateway) signal(sig syscall.Signal) error { return g.command.Process.Signal(sig) }

// stop sends a signal and waits for the exit.
func (g *gateway) stop(ctx context.Context, sig syscall.Signal) error {
	return errors.Join(g.signal(sig), g.waitForExit(ctx))
}

// waitForExit waits for the exit, which must be without error.
func (g *gateway) waitForExit(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	select {
	case <-g.exited:
		return g.err
	case <-ctx.Done():
		return errors.New("timed out waiting for the gateway to exit")
	}
}

// kill kills the process if it still runs.
func (g *gateway) kill() {
	_ = g.command.Process.Kill()
	<-g.exited
}
