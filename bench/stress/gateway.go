package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// gateway is a running oauthgw.
type gateway struct {
	command     *exec.Cmd
	config      string // the configuration file
	log         string // the file that its log ends up in
	data, admin string // addresses
	ended       chan struct{}
	err         error // of its end; valid once ended is closed
}

// start runs a gateway before the site's provider. The configuration is that
// which every gateway here needs, and more. The log goes to a file, through what
// through returns if it is not nil.
func (s *site) start(ctx context.Context, more string, through func(log *os.File) (*os.File, error)) (*gateway, error) {
	n := len(s.gateways)
	g := &gateway{config: s.file(fmt.Sprintf("%d.yaml", n)), log: s.file(fmt.Sprintf("%d.log", n)), ended: make(chan struct{})}
	if s.data != anyPort {
		g.data, g.admin = s.data, s.admin // where the log is lost, nobody tells
	}
	if err := g.configure(s, more); err != nil {
		return nil, err
	}
	out, err := os.Create(g.log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }() // the process has its own
	if through != nil {
		if out, err = through(out); err != nil {
			return nil, err
		}
	}
	g.command = exec.Command(s.binary, "--config.file="+g.config)
	g.command.Env = append(os.Environ(), "GOMEMLIMIT="+s.limits.goMemLimit)
	if s.prepare != nil {
		s.prepare(g.command)
	}
	g.command.Stdout, g.command.Stderr = out, out
	if err := g.command.Start(); err != nil {
		return nil, err
	}
	s.gateways = append(s.gateways, g)
	go func() { g.err = g.command.Wait(); close(g.ended) }()
	return g, g.listening(ctx)
}

// configure writes the configuration file.
func (g *gateway) configure(s *site, more string) error {
	return replace(g.config, "listen: "+s.data+"\nadmin: {listen: "+s.admin+"}\nupstream: {url: "+s.upstream+s.timing+"}\n"+more)
}

// listening waits until the gateway is ready, and learns from the log where.
func (g *gateway) listening(ctx context.Context) error {
	return await(ctx, "the gateway to be ready", func() bool {
		var said struct{ Msg, Listen, Admin string }
		for line := range strings.Lines(g.logged()) {
			if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "listening" {
				g.data, g.admin = said.Listen, said.Admin
			}
		}
		return g.admin != "" && g.ready()
	})
}

func (g *gateway) logged() string {
	text, _ := os.ReadFile(g.log) // empty while there is none
	return string(text)
}

func (g *gateway) ready() bool {
	status, _, err := g.operate(http.MethodGet, "/-/ready")
	return err == nil && status == http.StatusOK
}

// operate asks the admin listener.
func (g *gateway) operate(method, path string) (status int, text string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+g.admin+path, nil)
	if err != nil {
		return 0, "", err
	}
	r.Close = true
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// metric returns the sum of the series of a metric.
func (g *gateway) metric(name string) (float64, error) {
	_, text, err := g.operate(http.MethodGet, "/metrics")
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for line := range strings.Lines(text) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if base, _, _ := strings.Cut(series, "{"); base != name {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

func (g *gateway) signal(sig syscall.Signal) error { return g.command.Process.Signal(sig) }

// stop asks the gateway to end with a signal, and waits until it has. It has to
// end well.
func (g *gateway) stop(ctx context.Context, sig syscall.Signal) error {
	if err := g.signal(sig); err != nil {
		return err
	}
	if err := await(ctx, "the gateway to end", g.gone); err != nil {
		return err
	}
	return g.err
}

// gone reports whether the process has ended.
func (g *gateway) gone() bool {
	select {
	case <-g.ended:
		return true
	default:
		return false
	}
}

// kill ends what has not ended by itself.
func (g *gateway) kill() {
	if !g.gone() {
		_ = g.command.Process.Kill()
		<-g.ended
	}
}
