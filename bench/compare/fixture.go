package main

import (
	"context"
	"embed"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// processors is the number that each contender may use.
const processors = 2

// fixture is what the contenders of a run share.
type fixture struct {
	gateway   string // program
	peers     string // directory of the unpacked packages
	directory string // for the files of all processes
	provider  string // address
	reference string // address of a gateway whose responses the floor repeats
	processes []*process
}

func newFixture(gateway, peers string) (*fixture, error) {
	peers, err := filepath.Abs(peers)
	if err != nil {
		return nil, err
	}
	directory, err := os.MkdirTemp("", "compare-")
	return &fixture{gateway: gateway, peers: peers, directory: directory}, err
}

// close stops all processes and removes their files.
func (f *fixture) close() {
	for _, p := range f.processes {
		p.stop()
	}
	_ = os.RemoveAll(f.directory)
}

// startAll starts the provider, what the floor needs, and the contenders.
func (f *fixture) startAll(ctx context.Context, contenders []*contender) ([]*process, error) {
	provider, err := f.start(ctx, direct)
	if err != nil {
		return nil, err
	}
	f.provider = provider.address
	if slices.Contains(contenders, floor) {
		reference, err := f.start(ctx, oauthgw)
		if err != nil {
			return nil, err
		}
		f.reference = reference.address
	}
	return f.startEach(ctx, contenders...)
}

func (f *fixture) startEach(ctx context.Context, contenders ...*contender) ([]*process, error) {
	started := make([]*process, len(contenders))
	for i, c := range contenders {
		var err error
		if started[i], err = f.start(ctx, c); err != nil {
			return nil, err
		}
	}
	return started, nil
}

//go:embed peers
var configurations embed.FS

// start writes the files of a contender, runs it and waits until it responds.
func (f *fixture) start(ctx context.Context, c *contender) (*process, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	expander := f.expander(address)
	for _, name := range c.files {
		text, err := configurations.ReadFile("peers/" + name)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(f.directory, name), []byte(expander.Replace(string(text))), 0o644); err != nil {
			return nil, err
		}
	}
	arguments := strings.Fields(c.command)
	for i, argument := range arguments {
		arguments[i] = expander.Replace(argument) // a path may contain spaces
	}
	p := &process{contender: c, address: address}
	if err := p.start(ctx, f, arguments); err != nil {
		return nil, err
	}
	f.processes = append(f.processes, p)
	return p, p.awaitReady(ctx)
}

func (f *fixture) expander(address string) *strings.Replacer {
	_, port, _ := strings.Cut(address, ":")
	return strings.NewReplacer("{{self}}", "/proc/self/exe", "{{gateway}}", f.gateway, "{{peers}}", f.peers, "{{directory}}", f.directory,
		"{{provider}}", f.provider, "{{reference}}", f.reference, "{{listen}}", address, "{{port}}", port, "{{processors}}", strconv.Itoa(processors))
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
