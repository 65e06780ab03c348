package main

import (
	"context"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// site is where one experiment takes place: a provider, a directory, a count,
// and the gateways that the experiment starts.
type site struct {
	binary    string
	scale     float64
	directory string
	provider  *provider
	tally     tally

	data     string          // where gateways listen
	admin    string          // where they listen for operators
	upstream string          // the provider's URL, as the gateways know it
	timing   string          // more of upstream, as ", timeout: 2s"
	prepare  func(*exec.Cmd) // what is done to a gateway's command; nil: nothing
	limits   limits          // of the gateways' memory
	lasting  time.Duration   // of the long experiment

	gateways []*gateway
	named    int // clients
}

func newSite(binary string, scale float64) (*site, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	directory, err := os.MkdirTemp("", "stress-")
	if err != nil {
		return nil, err
	}
	p, err := startProvider()
	if err != nil {
		return nil, err
	}
	return &site{binary: binary, scale: scale, directory: directory, provider: p, upstream: p.url, data: anyPort, admin: anyPort}, nil
}

// anyPort is an address at which the system chooses the port.
const anyPort = "127.0.0.1:0"

// settle chooses ports that the gateways of this site take, one after the other.
func (s *site) settle() error {
	for _, address := range []*string{&s.data, &s.admin} {
		l, err := net.Listen("tcp", anyPort)
		if err != nil {
			return err
		}
		*address = l.Addr().String()
		defer l.Close()
	}
	return nil
}

// close ends what is still running and removes what was written.
func (s *site) close() {
	for _, g := range s.gateways {
		g.kill()
	}
	s.provider.close()
	_ = os.RemoveAll(s.directory)
}

// times scales a number, but not to nothing.
func (s *site) times(n int) int { return max(2, int(math.Round(float64(n)*s.scale))) }

// during scales a time.
func (s *site) during(d time.Duration) time.Duration { return time.Duration(float64(d) * s.scale) }

// file returns the name of a file in the site's directory.
func (s *site) file(name string) string { return filepath.Join(s.directory, name) }

// replace writes a file as Kubernetes and careful people do: whoever reads it finds
// the old content or the new, and nothing between.
func replace(name, text string) error {
	if err := os.WriteFile(name+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// clients returns plain clients of the gateway at an address. No name comes twice.
func (s *site) clients(n int, address string) []*client {
	var clients []*client
	for range n {
		s.named++
		clients = append(clients, clientAt(fmt.Sprintf("client-%d", s.named), address, nil))
	}
	return clients
}

// patience is how long anything may take to happen that has to.
const patience = 20 * time.Second

// await waits until something holds.
func await(ctx context.Context, what string, holds func() bool) error {
	for end := time.Now().Add(patience); !holds(); {
		if time.Now().After(end) || ctx.Err() != nil {
			return fmt.Errorf("timed out waiting for %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil
}
