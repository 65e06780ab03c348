package admin

import (
	"fmt"
	"slices"
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
