package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
)

// contender is a program that stands where the gateway stands.
type contender struct {
	name string
	// start runs it. Nil: the provider itself is asked.
	start      func(*bed) (*process, error)
	translates bool // the provider finds credentials in the form
	registers  bool // a client is told the method that it asked for
}

var (
	direct    = &contender{name: "direct"}
	oauthgw   = &contender{"oauthgw", startGateway, true, true}
	stock     = &contender{name: "ReverseProxy", start: func(b *bed) (*process, error) { return b.runAs("stock", b.Provider) }}
	raised    = &contender{name: "ReverseProxy, 1024 kept", start: func(b *bed) (*process, error) { return b.runAs("raised", b.Provider) }}
	rewritten = &contender{"the rewrite alone", func(b *bed) (*process, error) { return b.runAs("rewrite", b.Provider) }, true, false}
	floor     = &contender{name: "net/http", start: startFloor}
	lua       = &contender{"nginx+Lua", startNginx("nginx-lua.conf", "restate.lua"), true, false}
	njs       = &contender{"nginx+njs", startNginx("nginx-njs.conf", "restate.js"), true, false}
	haproxy   = &contender{"haproxy+Lua", startHaproxy, true, false}
	caddy     = &contender{name: "Caddy", start: startCaddy}
)

// contenders are all there are, in their order.
var contenders = []*contender{direct, oauthgw, stock, raised, rewritten, floor, lua, njs, haproxy, caddy}

// startGateway runs oauthgw as it is without further configuration: it logs each
// exchange to a file, and counts.
func startGateway(b *bed) (*process, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return b.run("oauthgw", address, b.gateway, "--upstream.url=http://"+b.Provider, "--listen="+address, "--admin.listen=127.0.0.1:0")
}

// startFloor runs the net/http server, with the answer that the gateway gives to
// who asks for metadata.
func startFloor(b *bed) (*process, error) {
	file := b.file("metadata")
	if _, err := os.Stat(file); err != nil {
		if err := b.keepMetadata(file); err != nil {
			return nil, err
		}
	}
	return b.runAs("floor", file)
}

// keepMetadata writes that answer to a file.
func (b *bed) keepMetadata(file string) error {
	g, err := startGateway(b)
	if err != nil {
		return err
	}
	defer g.stop()
	described := workloads[1]
	return g.await(context.Background(), func() error {
		w, err := dial(g.address)
		if err != nil {
			return err
		}
		defer func() { _ = w.Close() }()
		head, body, err := w.exchange(described.request(oauthgw, 0))
		if err == nil {
			err = described.judge(oauthgw, head, body)
		}
		if err != nil {
			return err
		}
		return os.WriteFile(file, slices.Concat(head, []byte("\r\n"), body), 0o600)
	})
}

func startNginx(configuration, script string) func(*bed) (*process, error) {
	return func(b *bed) (*process, error) {
		address, err := freeAddress()
		if err != nil {
			return nil, err
		}
		if _, err := b.configure(script, address); err != nil {
			return nil, err
		}
		file, err := b.configure(configuration, address)
		if err != nil {
			return nil, err
		}
		return b.run(configuration, address, filepath.Join(b.Peers, "usr/sbin/nginx"), "-e", "stderr", "-p", b.directory, "-c", file)
	}
}

func startHaproxy(b *bed) (*process, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	if _, err := b.configure("haproxy.lua", address); err != nil {
		return nil, err
	}
	file, err := b.configure("haproxy.cfg", address)
	if err != nil {
		return nil, err
	}
	return b.run("haproxy", address, filepath.Join(b.Peers, "usr/sbin/haproxy"), "-db", "-f", file)
}

func startCaddy(b *bed) (*process, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	file, err := b.configure("Caddyfile", address)
	if err != nil {
		return nil, err
	}
	return b.run("caddy", address, filepath.Join(b.Peers, "usr/bin/caddy"), "run", "--adapter", "caddyfile", "--config", file)
}
