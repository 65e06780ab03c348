package admin

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/gateway"
	"oauthgw/internal/statuspage"
	"oauthgw/metrics"
	"oauthgw/proxy"
	"oauthgw/wellknown"
)

func (h *Handler) status() statuspage.Facts {
	b, g := metrics.ReadBuild(), h.config.Reloader.Current()
	_, paths := g.Known()
	snapshots, problems := g.Snapshots()
	last := h.config.Reloader.LastReload()
	f := statuspage.Facts{
		Now: time.Now(), Started: h.started, Version: b.Version, Revision: b.Revision, GoVersion: b.GoVersion,
		NotReady: h.notReady(), Problems: problems, Warnings: g.Settings().Warnings(h.config.Addr()),
		Reload:    statuspage.Reload{Tried: last.Time, ActiveSince: last.Used, Err: last.Err},
		Documents: snapshots, Counts: h.config.Metrics.ClientAuthCounts(), Repairs: h.config.Metrics.RepairCounts(),
	}
	if warning := restartRequired(last); warning != "" {
		f.Warnings = append(f.Warnings, warning)
	}
	if f.State.Redis = g.Settings().State.Redis; f.State.Redis != "" {
		f.State.Up = h.config.Metrics.StateIsUp()
	}
	f.Methods = [2]string{string(clientauth.Basic), string(clientauth.Post)}
	if g.Settings().Clients.ProviderAuth("") == clientauth.Basic {
		slices.Reverse(f.Methods[:])
	}
	answered, failed := h.config.History.read(&f)
	f.Provider = provider(g, snapshots, answered, failed)
	for _, name := range clientauth.AllEndpoints() {
		if path, ok := paths[name]; ok {
			f.Endpoints = append(f.Endpoints, statuspage.Endpoint{Name: string(name), Path: path, Configured: len(g.Settings().Endpoints) > 0,
				Untranslated: name == clientauth.Registration && !g.Settings().Registration.Translate})
		}
	}
	for _, c := range g.Settings().Clients.All() {
		listed := statuspage.Client{ID: c.ID, Public: c.Public, Registers: c.Register, Aliases: len(c.Aliases),
			ProviderAuth: string(g.Settings().Clients.ProviderAuth(c.ID)), SecretFile: c.SecretFile, Uses: h.config.History.usesOf(c.ID)}
		for _, i := range c.Issuers {
			keys, fetched := i.Known()
			listed.Issuers = append(listed.Issuers, statuspage.Issuer{Method: string(i.Method()), Keys: keys, URI: i.JWKSURI, Fetched: fetched})
		}
		f.Clients = append(f.Clients, listed)
	}
	return f
}

// provider describes the provider and its last responses, to fetches and to clients.
func provider(g *gateway.Gateway, snapshots []wellknown.Snapshot, answered time.Time, failed proxy.Decision) statuspage.Provider {
	known, _ := g.Known()
	p := statuspage.Provider{Upstream: g.Settings().Upstream.URL, Issuer: known.Issuer, Public: g.PublicOrigin(),
		Reached: answered, Failed: failed.Time}
	if !failed.Time.IsZero() {
		p.Err = fmt.Errorf("a request at the %s endpoint failed with status %d; see the log", failed.Endpoint, failed.Status)
	}
	for _, s := range snapshots {
		if s.Absent && s.Failed.After(s.Fetched) {
			s.Fetched = s.Failed // 404 is a response too
		}
		if s.Fetched.After(p.Reached) {
			p.Reached = s.Fetched
		}
		if !s.Absent && s.Failed.After(p.Failed) {
			p.Failed, p.Err = s.Failed, s.Err
		}
	}
	return p
}

const maxRequestIDs = 3 // of a group

// History holds the latest decisions, and groups of those that are not accepted or have a
// tolerated conflict. The zero value is empty. It is safe for concurrent use.
type History struct {
	mu       sync.Mutex
	recent   [statuspage.RecentRequests]event // a ring
	next     int                              // the index of the oldest event
	groups   []statuspage.Group               // the latest first; few, because all names are from closed sets
	answered time.Time                        // of the last response in which the provider judged a client
	failed   proxy.Decision                   // the last request that failed at the provider
	uses     map[string]statuspage.ClientUses // by the ID of a configured client, also after a reload
}

type event struct {
	time      time.Time
	kind      statuspage.Kind
	tolerated bool
}

// Add adds a decision.
func (h *History) Add(d proxy.Decision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case d.Answered(), d.SecretRejected():
		h.answered = d.Time
	case d.Outcome == proxy.OutcomeFailed:
		h.failed = d
	}
	if d.Client != "" {
		h.use(d)
	}
	if d.Tolerated != "" {
		h.group(statuspage.Tolerated, d, d.Tolerated)
	}
	if d.Outcome == proxy.OutcomeCanceled {
		return
	}
	kind := kindOf(d)
	if kind != statuspage.Accepted {
		h.group(kind, d, d.Outcome)
	}
	h.recent[h.next] = event{d.Time, kind, d.Tolerated != ""}
	h.next = (h.next + 1) % len(h.recent)
}

// kindOf returns how a request ended that was not canceled. A panic is a failure.
func kindOf(d proxy.Decision) statuspage.Kind {
	switch {
	case d.Refused() && d.Answered():
		return statuspage.Rejected
	case d.Refused():
		return statuspage.Refused
	case d.Answered(), d.Outcome == proxy.OutcomeRegistered:
		return statuspage.Accepted
	}
	return statuspage.Failed
}

// group adds a decision to its group. The lock must be held.
func (h *History) group(kind statuspage.Kind, d proxy.Decision, reason string) {
	g := statuspage.Group{Kind: kind, Endpoint: string(d.Endpoint), Method: cmp.Or(string(d.Method), "unknown"), Reason: reason}
	if i := slices.IndexFunc(h.groups, func(other statuspage.Group) bool {
		return other.Kind == g.Kind && other.Endpoint == g.Endpoint && other.Method == g.Method && other.Reason == g.Reason
	}); i >= 0 {
		g = h.groups[i]
		h.groups = slices.Delete(h.groups, i, i+1)
	}
	g.Count++
	g.Last = d.Time
	if d.RequestID != "" { // into a new slice, because a page may hold the old one
		g.RequestIDs = append([]string{d.RequestID}, g.RequestIDs[:min(len(g.RequestIDs), maxRequestIDs-1)]...)
	}
	h.groups = slices.Insert(h.groups, 0, g)
}

// use counts a request that used a configured client. The lock must be held.
func (h *History) use(d proxy.Decision) {
	u := h.uses[d.Client]
	kind := kindOf(d)
	switch {
	case d.SecretRejected():
		u.SecretRejected, kind = d.Time, statuspage.Rejected
	case d.SecretAccepted():
		u.SecretAccepted = d.Time
	}
	if kind != statuspage.Refused && d.Outcome != proxy.OutcomeRegistered {
		u.Last = d.Time
	}
	switch d.Outcome {
	case proxy.OutcomeRegistered:
		u.Registered++
	case proxy.OutcomeCanceled:
		u.Used++
	default:
		u.Used++
		u.Counts[kind]++
	}
	if h.uses == nil {
		h.uses = map[string]statuspage.ClientUses{}
	}
	h.uses[d.Client] = u
}

func (h *History) usesOf(id string) statuspage.ClientUses {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.uses[id]
}

// read adds what the history holds to the facts.
func (h *History) read(f *statuspage.Facts) (answered time.Time, failed proxy.Decision) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f.Recent = statuspage.Recent{}
	for _, e := range h.recent {
		if f.Now.Sub(e.time) >= statuspage.RecentTime {
			continue
		}
		f.Recent[e.kind]++
		if e.tolerated {
			f.Recent[statuspage.Tolerated]++
		}
	}
	f.Groups = slices.Clone(h.groups)
	return h.answered, h.failed
}
