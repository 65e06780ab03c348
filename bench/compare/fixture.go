package main

import (
	"context"
	"embed"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// bed is where contenders run: a directory, a provider, and all that was started.
// Its exported fields are for the configurations of the peers.
type bed struct {
	Processors int    // that each contender may use
	Peers      string // the directory into which the peers were unpacked
	Provider   string // an address
	gateway    string // the binary
	directory  string
	libraries  string // for LD_LIBRARY_PATH
	processes  []*process
}

// newBed starts the provider.
func newBed(ctx context.Context, gateway, peers string, processors int) (*bed, error) {
	for _, path := range []*string{&gateway, &peers} {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return nil, err
		}
		*path = absolute
	}
	libraries, err := filepath.Glob(filepath.Join(peers, "usr/lib/*-linux-gnu*"))
	if err != nil {
		return nil, err
	}
	more, err := filepath.Glob(filepath.Join(peers, "lib/*-linux-gnu*"))
	if err != nil {
		return nil, err
	}
	directory, err := os.MkdirTemp("", "compare-")
	if err != nil {
		return nil, err
	}
	b := &bed{Processors: processors, Peers: peers, gateway: gateway, directory: directory, libraries: strings.Join(append(libraries, more...), ":")}
	p, err := b.runAs("provider")
	if err != nil {
		return b, err
	}
	b.Provider = p.address
	return b, p.await(ctx, func() error { return ask(workloads[0], direct, p.address) })
}

// close ends what is still running and removes what was written.
func (b *bed) close() {
	for _, p := range b.processes {
		p.stop()
	}
	_ = os.RemoveAll(b.directory)
}

// file returns the name of a file in the bed's directory.
func (b *bed) file(name string) string { return filepath.Join(b.directory, name) }

// runAs starts this program in one of its roles.
func (b *bed) runAs(role string, arguments ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return b.run(role, address, self, append([]string{role, address}, arguments...)...)
}

//go:embed peers
var configurations embed.FS

// configure writes a configuration of a peer that listens at an address.
func (b *bed) configure(name, address string) (file string, err error) {
	t, err := template.ParseFS(configurations, "peers/"+name)
	if err != nil {
		return "", err
	}
	file = b.file(name)
	out, err := os.Create(file)
	if err != nil {
		return "", err
	}
	defer func() { _ = out.Close() }()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	return file, t.Execute(out, struct {
		*bed
		Listen, Port string
	}{b, address, port})
}

// freeAddress returns an address at which nobody listens.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}
