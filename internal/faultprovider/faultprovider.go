// Package faultprovider is an OAuth 2.0 provider that misbehaves on purpose, for tests of a
// gateway in front of a provider. [Faults] lists its faults.
//
// It speaks HTTP/1.1 on the bare connection, because an HTTP server does not let a handler
// send most of them. Without a fault, the token endpoint reads client credentials from the
// form only and accepts every code and refresh token once (RFC 6749 sections 4.1.2 and 6), of
// any text. The rest is the provider of package legacy. It is for loopback only.
package faultprovider

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"oauthgw/internal/legacy"
)

// Header is the header field with which a request asks for a fault by name.
const Header = "X-Fault"

// Config configures a [Provider]. The zero Config has no faults.
type Config struct {
	// PublicURL is the issuer, such as https://provider.example.
	PublicURL string
	// Clients may use the token endpoint. If empty, every client with a secret may.
	Clients []legacy.Client
	// Rates say how often which fault happens.
	Rates Rates
	// Seed makes a run repeatable: faults depend on it and on the order of the requests.
	Seed uint64
	// Interval is the time between two bytes of a slow response, and the time after which an
	// idle connection is closed. Zero means a second.
	Interval time.Duration
	// MaxDuration bounds every fault. Zero means a minute.
	MaxDuration time.Duration
	// LargeSize is the size of large and endless bodies in bytes. Zero means 1 GiB.
	LargeSize int64
	// Observe is called for each request before the response, and for each connection with a
	// fault before its first request. It may be called concurrently, and may be nil.
	Observe func(Observation)
}

// Provider is the provider. It is safe for concurrent use.
type Provider struct {
	config Config
	faults map[string]Fault
	legacy http.Handler // everything but the token endpoint
	record record

	ctx        context.Context // of the connections
	cancel     context.CancelFunc
	goroutines sync.WaitGroup

	mu          sync.Mutex
	listener    net.Listener
	connections map[*connection]struct{}
	accepted    int // connections so far
	rates       Rates
	random      map[Trigger]*rand.Rand
}

// New returns a provider that does not listen yet, or the error of [Rates.Validate].
func New(config Config) (*Provider, error) {
	if err := config.Rates.Validate(); err != nil {
		return nil, err
	}
	if config.Interval == 0 {
		config.Interval = time.Second
	}
	if config.MaxDuration == 0 {
		config.MaxDuration = time.Minute
	}
	if config.LargeSize == 0 {
		config.LargeSize = 1 << 30
	}
	if config.Observe == nil {
		config.Observe = func(Observation) {}
	}
	p := &Provider{
		config:      config,
		faults:      byName(),
		legacy:      legacy.New(legacy.Config{PublicURL: config.PublicURL, Clients: config.Clients}),
		record:      record{grants: map[string]int{}, counts: map[string]int{}},
		connections: map[*connection]struct{}{},
		rates:       config.Rates,
		random:      map[Trigger]*rand.Rand{},
	}
	for _, t := range []Trigger{OnConnect, OnPost, OnMetadata} {
		// Independent sequences, so that a new connection does not change the faults of requests.
		p.random[t] = rand.New(rand.NewPCG(config.Seed, uint64(t)))
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p, nil
}

// Start serves the listener in the background and takes it over.
func (p *Provider) Start(l net.Listener) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil || p.ctx.Err() != nil {
		return errors.New("faultprovider: already started or closed")
	}
	p.listener = l
	p.goroutines.Go(func() { p.accept(l) })
	return nil
}

// Close closes the listener, resets every connection, and waits for the provider to stop.
func (p *Provider) Close() {
	p.cancel()
	p.mu.Lock()
	if p.listener != nil {
		_ = p.listener.Close()
	}
	for c := range p.connections {
		c.reset()
	}
	p.mu.Unlock()
	p.goroutines.Wait()
}

// accept accepts connections until the listener is closed. Other errors, such as too many open
// files, are temporary.
func (p *Provider) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err == nil:
			p.start(c)
		default:
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// start serves a connection in the background.
func (p *Provider) start(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		_ = conn.Close()
		return
	}
	p.accepted++
	c := newConnection(p, conn, p.accepted)
	p.connections[c] = struct{}{}
	p.goroutines.Go(func() {
		p.serve(c)
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.connections, c)
	})
}
