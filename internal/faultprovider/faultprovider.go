// Package faultprovider is an OAuth 2.0 provider that misbehaves on purpose, in ways
// that have names, as often as it is told, and remembers what arrived. It is
// what a gateway before a provider is tested against.
//
// It speaks HTTP/1.1 on the bare connection, because most of what it does no
// HTTP server lets a handler do: replies that contradict their framing, that
// end early, that never end, that nobody asked for. [Faults] lists all
// of it. Whatever it is not told to spoil it does well: the token endpoint takes
// client credentials from the form alone and every authorization code and
// refresh token once (RFC 6749 sections 4.1.2 and 6), of any text; the rest is
// the provider of package legacy.
//
// It guards nothing: it is for loopback, tests and measurements.
package faultprovider

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"oauthgw/internal/legacy"
)

// Header is the header field with which a request names the misbehaviour that it
// wants to meet, whatever the shares say.
const Header = "X-Misbehave"

// Config tells how a [Provider] misbehaves. The zero Config makes one that
// behaves well.
type Config struct {
	// PublicURL is the origin that the provider's documents name, as in
	// https://provider.example.
	PublicURL string
	// Clients may use the token endpoint. Empty: any client that sends a
	// client_id and a client_secret.
	Clients []legacy.Client
	// Rates say how often to misbehave.
	Rates Rates
	// Seed makes a run repeatable: what is drawn depends on it and on the order of
	// arrival.
	Seed uint64
	// Interval is the time between two octets of what is slow, and how long an
	// idle connection is left alone. Zero: a second.
	Interval time.Duration
	// MaxDuration bounds every misbehaviour: what never ends lasts so long, unless
	// the other end leaves. Zero: a minute.
	MaxDuration time.Duration
	// LargeSize is the size of what is too large, in octets, and the end of what is
	// endless. Zero: 1 GiB.
	LargeSize int64
	// Observe is told of each request before it is answered, and of each
	// connection that is spoilt before one. It is called from the goroutines of
	// the connections. Nil: nobody is told.
	Observe func(Observation)
}

// Provider is the misbehaving provider. Make it with [New], and let it listen
// with [Provider.Start]. It is safe for concurrent use.
type Provider struct {
	config Config
	known  map[string]Fault
	rest   http.Handler // what is not the token endpoint
	memory memory

	life context.Context // of the connections
	end  context.CancelFunc
	all  sync.WaitGroup // goroutines

	mu       sync.Mutex
	listener net.Listener // nil: does not listen
	network  string       // of the last listener
	address  string
	open     map[*connection]struct{}
	accepted int // connections so far
	shares   Rates
	draws    map[Trigger]*rand.Rand
}

// New returns a provider that does not listen yet. The error says that the
// shares name what is not known, or are more than the whole.
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
		config: config,
		known:  byName(),
		rest:   legacy.New(legacy.Config{PublicURL: config.PublicURL, Clients: config.Clients}),
		memory: newMemory(),
		open:   map[*connection]struct{}{},
		shares: config.Rates,
		draws:  map[Trigger]*rand.Rand{},
	}
	for _, m := range []Trigger{OnConnect, OnPost, OnMetadata} {
		// One sequence for each, so that a new connection does not change what the
		// requests meet.
		p.draws[m] = rand.New(rand.NewPCG(config.Seed, uint64(m)))
	}
	p.life, p.end = context.WithCancel(context.Background())
	return p, nil
}
