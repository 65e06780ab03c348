package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// peer is a proxy that runs, and its provider.
type peer struct {
	name, version string
	address       string
	provider      *provider
	command       *exec.Cmd
	ended         chan struct{}
	output        bytes.Buffer // to be read when it has ended
}

const gatewayConfig = `upstream: {url: "http://%[2]s"}
listen: %[1]s
admin: {listen: "127.0.0.1:0"}
endpoints: {token: /t}
log: {level: debug}
`

const nginxConfig = `daemon off; worker_processes 1; pid nginx.pid; error_log stderr crit; user root;
events {}
http {
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  upstream provider { server %[2]s; keepalive 4; }
  server {
    listen %[1]s;
    location / {
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
    }
  }
}
`

const haproxyConfig = `defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend clients
  bind %[1]s
  default_backend provider
backend provider
  server provider %[2]s
`

// startPeers starts the gateway and those that it is compared with.
func startPeers(o options, directory string) (peers []*peer, err error) {
	sbin := filepath.Join(o.peers, "usr/sbin")
	for _, p := range []struct{ program, config, version, flag string }{
		{o.gateway, gatewayConfig, "version", "--config.file="},
		{filepath.Join(sbin, "nginx"), nginxConfig, "-v", "-e stderr -p " + directory + " -c "},
		{filepath.Join(sbin, "haproxy"), haproxyConfig, "-v", "-db -f "},
	} {
		started, err := startPeer(p.program, p.config, p.version, p.flag, directory, o.peers)
		if err != nil {
			return peers, fmt.Errorf("%s: %w", p.program, err)
		}
		peers = append(peers, started)
		if err := started.await(); err != nil {
			return peers, fmt.Errorf("%s: %w", started.name, err)
		}
	}
	return peers, nil
}

func startPeer(program, config, version, flag, directory, unpacked string) (p *peer, err error) {
	p = &peer{name: filepath.Base(program), ended: make(chan struct{})}
	if p.provider, err = startProvider(); err != nil {
		return nil, err
	}
	if p.address, err = freeAddress(); err != nil {
		return nil, err
	}
	file := filepath.Join(directory, p.name+".conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, config, p.address, p.provider.Addr()), 0o600); err != nil {
		return nil, err
	}
	libraries, err := filepath.Glob(filepath.Join(unpacked, "usr/lib/*-linux-gnu*"))
	if err != nil {
		return nil, err
	}
	env := append(os.Environ(), "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
	if p.version, err = versionOf(program, version, env); err != nil {
		return nil, err
	}
	p.command = exec.Command(program, strings.Fields(flag+file)...)
	p.command.Env, p.command.Stdout, p.command.Stderr = env, &p.output, &p.output
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() { _ = p.command.Wait(); close(p.ended) }()
	return p, nil
}

var number = regexp.MustCompile(`[0-9]+\.[0-9]+\.[0-9][^\s/),]*`)

// versionOf returns the first version that a program tells. The gateway is what
// was built.
func versionOf(program, flag string, env []string) (string, error) {
	command := exec.Command(program, flag)
	command.Env = env
	told, err := command.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, told)
	}
	return number.FindString(string(told)), nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// await waits until clients are served.
func (p *peer) await() (err error) {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = p.serves("start"); err == nil {
			p.provider.take()
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("it ended: %s", p.output.String())
		default:
		}
	}
	return err
}

// stopPeers ends what runs, and says what had ended before, or panicked.
func stopPeers(peers []*peer) (err error) {
	for _, p := range peers {
		select {
		case <-p.ended:
			err = errors.Join(err, fmt.Errorf("%s ended by itself", p.name))
		default:
		}
		_ = p.command.Process.Signal(syscall.SIGINT)
		select {
		case <-p.ended:
		case <-time.After(10 * time.Second):
			_ = p.command.Process.Kill()
			<-p.ended
		}
		p.provider.Close()
		if at := bytes.Index(p.output.Bytes(), []byte("panic")); at >= 0 {
			err = errors.Join(err, fmt.Errorf("%s panicked: %s", p.name, p.output.Bytes()[at:]))
		}
	}
	return err
}
