package main

import (
	"context"
	"embed"
	"fmt"
	"math/rand/v2"
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

// freeAddress returns an address outside Linux's range of ports for outgoing connections and
// port 0, so that nothing takes it before the contender does.
func freeAddress() (string, error) {
	var err error
	for range 100 {
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprint("127.0.0.1:", 20000+rand.N(12000))); err == nil {
			return l.Addr().String(), l.Close()
		}
	}
	return "", err
}

// contender is a program that runs in front of the provider, or the provider itself.
// Command and files are templates for the names in fixture.expander.
type contender struct {
	name     string
	command  string
	files    []string // in peers
	rewrites []*workload
}

var (
	direct  = &contender{name: "direct", command: "{{self}} serve provider {{listen}} -"}
	oauthgw = &contender{name: "oauthgw", rewrites: []*workload{token, metadata, registration},
		command: "{{gateway}} --upstream.url=http://{{provider}} --listen={{listen}} --admin.listen=127.0.0.1:0"}
	slack       = &contender{name: "oauthgw slack 1 ms", command: "{{self}} slack " + oauthgw.command, rewrites: oauthgw.rewrites}
	stock       = &contender{name: "ReverseProxy", command: "{{self}} serve reverseproxy {{listen}} {{provider}}"}
	tuned       = &contender{name: "ReverseProxy tuned", command: "{{self}} serve tuned {{listen}} {{provider}}"}
	rewriteOnly = &contender{name: "rewrite only", command: "{{self}} serve rewrite {{listen}} {{provider}}", rewrites: []*workload{token}}
	floor       = &contender{name: "net/http", command: "{{self}} serve floor {{listen}} {{reference}}", rewrites: []*workload{token, metadata, registration}}
	lua         = &contender{name: "nginx+Lua", command: "{{peers}}/usr/sbin/nginx -e stderr -p {{directory}} -c nginx-lua.conf",
		files: []string{"rewrite.lua", "nginx-lua.conf"}, rewrites: []*workload{token}}
	njs = &contender{name: "nginx+njs", command: "{{peers}}/usr/sbin/nginx -e stderr -p {{directory}} -c nginx-njs.conf",
		files: []string{"rewrite.js", "nginx-njs.conf"}, rewrites: []*workload{token}}
	haproxy = &contender{name: "haproxy+Lua", command: "{{peers}}/usr/sbin/haproxy -db -f {{directory}}/haproxy.cfg",
		files: []string{"haproxy.lua", "haproxy.cfg"}, rewrites: []*workload{token}}
	caddy = &contender{name: "Caddy", command: "{{peers}}/usr/bin/caddy run --adapter caddyfile --config {{directory}}/Caddyfile",
		files: []string{"Caddyfile"}}
)

// contenders is in the order of the tables.
var contenders = []*contender{direct, oauthgw, slack, stock, tuned, rewriteOnly, floor, lua, njs, haproxy, caddy}
