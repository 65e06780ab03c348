package faultprovider

import (
	"maps"
	"net/http"
	"slices"
	"sync"
)

// NoFault is the name under which normal responses are counted.
const NoFault = "none"

// Observation is a request, or a connection with a fault before its first request, without
// secrets.
type Observation struct {
	// Connection is the number of the connection, from 1.
	Connection int
	// Method and Path are the request's. They are empty if there was none.
	Method, Path string
	// Authorization reports whether there was an Authorization header field.
	Authorization bool
	// Fault is the name of the fault, or [NoFault].
	Fault string
}

// record counts what arrived. It grows with every code.
type record struct {
	mu     sync.Mutex
	grants map[string]int // authorization codes and refresh tokens
	counts map[string]int // by fault
}

// observe records a request before its response.
func (p *Provider) observe(c *connection, fault string) {
	o := Observation{Connection: c.number, Fault: fault}
	if c.request != nil {
		o.Method, o.Path = c.request.Method, c.request.URL.Path
		o.Authorization = c.request.Header["Authorization"] != nil
	}
	p.record.add(c, fault)
	p.config.Observe(o)
}

func (r *record) add(c *connection, fault string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[fault]++
	if c.request == nil || c.request.Method != http.MethodPost {
		return
	}
	for _, grant := range slices.Concat(c.form["code"], c.form["refresh_token"]) {
		if grant != "" {
			r.grants[grant]++
		}
	}
}

// grantCount returns how often a code or refresh token has arrived.
func (r *record) grantCount(grant string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.grants[grant]
}

// Grants returns the number of different authorization codes and refresh tokens that arrived.
func (p *Provider) Grants() int {
	p.record.mu.Lock()
	defer p.record.mu.Unlock()
	return len(p.record.grants)
}

// RepeatedGrants returns the authorization codes and refresh tokens that arrived more than
// once, sorted. A provider revokes their tokens (RFC 6749 section 4.1.2).
func (p *Provider) RepeatedGrants() []string {
	p.record.mu.Lock()
	defer p.record.mu.Unlock()
	var repeated []string
	for grant, n := range p.record.grants {
		if n > 1 {
			repeated = append(repeated, grant)
		}
	}
	slices.Sort(repeated)
	return repeated
}

// Counts returns how often each fault happened, and the normal responses as [NoFault].
func (p *Provider) Counts() map[string]int {
	p.record.mu.Lock()
	defer p.record.mu.Unlock()
	return maps.Clone(p.record.counts)
}
