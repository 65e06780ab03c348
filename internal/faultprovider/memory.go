package faultprovider

import (
	"maps"
	"net/http"
	"slices"
	"sync"
)

// NoFault is the name under which what was answered well is counted.
const NoFault = "well-behaved"

// Observation is a request, or a connection that was spoilt before one, without its
// secrets.
type Observation struct {
	// Connection counts the connections from 1.
	Connection int
	// Method and Path are the request's. Empty: there was none.
	Method, Path string
	// Authorization tells whether there was an Authorization header field.
	Authorization bool
	// Fault is the name of what it met, or [NoFault].
	Fault string
}

// memory is what arrived. It grows with every code.
type memory struct {
	mu     sync.Mutex
	seen   map[string]int // authorization codes and refresh tokens
	totals map[string]int // by misbehaviour
}

func newMemory() memory {
	return memory{seen: map[string]int{}, totals: map[string]int{}}
}

// note remembers what arrived and what it meets, before it meets it.
func (p *Provider) note(x *exchange, name string) {
	a := Observation{Connection: x.number, Fault: name}
	if x.request != nil {
		a.Method, a.Path = x.request.Method, x.request.URL.Path
		a.Authorization = x.request.Header["Authorization"] != nil
	}
	p.memory.add(x, name)
	p.config.Observe(a)
}

func (m *memory) add(x *exchange, name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.totals[name]++
	if x.request == nil || x.request.Method != http.MethodPost {
		return
	}
	for _, parameter := range []string{"code", "refresh_token"} {
		for _, value := range x.form[parameter] {
			if value != "" {
				m.seen[value]++
			}
		}
	}
}

// count returns how often a code or refresh token has arrived.
func (m *memory) count(value string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seen[value]
}

// Grants returns how many different authorization codes and refresh tokens have
// arrived.
func (p *Provider) Grants() int {
	p.memory.mu.Lock()
	defer p.memory.mu.Unlock()
	return len(p.memory.seen)
}

// RepeatedGrants returns the authorization codes and refresh tokens that arrived more
// than once, sorted. A provider that follows RFC 6749 section 4.1.2 revokes
// what it issued for them.
func (p *Provider) RepeatedGrants() []string {
	p.memory.mu.Lock()
	defer p.memory.mu.Unlock()
	var again []string
	for value, times := range p.memory.seen {
		if times > 1 {
			again = append(again, value)
		}
	}
	slices.Sort(again)
	return again
}

// Counts returns how often what was met, by the name of the misbehaviour or
// [NoFault].
func (p *Provider) Counts() map[string]int {
	p.memory.mu.Lock()
	defer p.memory.mu.Unlock()
	return maps.Clone(p.memory.totals)
}

// total returns how often a misbehaviour was met.
func (p *Provider) total(name string) int {
	p.memory.mu.Lock()
	defer p.memory.mu.Unlock()
	return p.memory.totals[name]
}
