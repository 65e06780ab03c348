package main

import (
	"cmp"
	"fmt"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
	"oauthgw/internal/statuspage"
	"oauthgw/wellknown"
)

// facts gathers what is known now, without a request to anybody.
func (s *servers) facts() statuspage.Facts {
	b, g := build(), s.live.now()
	known, paths := g.known()
	snapshots, problems := g.source.Snapshots(g.issuer(known), paths)
	f := statuspage.Facts{
		Now: time.Now(), Started: s.started, Version: b.Version, Revision: b.Revision, GoVersion: b.GoVersion,
		NotReady: s.notReady(), Provider: g.provider(snapshots, known, s.live), Reload: s.live.lastReload(),
		Endpoints: g.endpoints(paths), Documents: documents(snapshots), Problems: problems,
	}
	for _, c := range g.metrics.ClientAuthCounts() {
		f.Counts = append(f.Counts, statuspage.Count(c))
	}
	for _, d := range s.live.decisions.latestRefusals() {
		f.Refusals = append(f.Refusals, statuspage.Refusal{Time: d.Time, Endpoint: string(d.Endpoint),
			Method: cmp.Or(string(d.Method), "unknown"), Outcome: d.Outcome, Status: d.Status})
	}
	return f
}

// known returns what the routes of the moment were built from. It is empty as
// long as there are none.
func (g *gateway) known() (wellknown.Provider, map[clientauth.Endpoint]string) {
	if now := g.routes.Load(); now != nil {
		return now.known, now.paths
	}
	return wellknown.Provider{}, nil
}

// provider tells who the provider is and how it was when it was last asked, for
// metadata or by a client.
func (g *gateway) provider(snapshots []wellknown.Snapshot, known wellknown.Provider, l *live) statuspage.Provider {
	p := statuspage.Provider{Upstream: g.settings.UpstreamURL(), Issuer: g.issuer(known)}
	if public := cmp.Or(g.settings.PublicURL, origin.Of(p.Issuer)); public != nil {
		p.Public = public.String()
	}
	answered, failed := l.decisions.provider(l.loaded.Load().inForce)
	p.Reached, p.Failed = answered, failed.Time
	if !failed.Time.IsZero() {
		p.Error = fmt.Sprintf("an exchange at the %s endpoint failed with status %d; see the log", failed.Endpoint, failed.Status)
	}
	for _, k := range snapshots {
		if k.Absent && k.Failed.After(k.Fetched) {
			k.Fetched = k.Failed // that there is none is an answer too
		}
		if k.Fetched.After(p.Reached) {
			p.Reached = k.Fetched
		}
		if !k.Absent && k.Failed.After(p.Failed) {
			p.Failed, p.Error = k.Failed, k.Err.Error()
		}
	}
	return p
}

// endpoints tells what becomes of the requests at the endpoints that have a
// path.
func (g *gateway) endpoints(paths map[clientauth.Endpoint]string) []statuspage.Endpoint {
	var out []statuspage.Endpoint
	for _, name := range clientauth.Endpoints() {
		if at, ok := paths[name]; ok {
			out = append(out, statuspage.Endpoint{Name: string(name), Path: at,
				Untranslated: name == clientauth.Registration && !g.settings.TranslateRegistration,
				Configured:   len(g.settings.Endpoints) > 0})
		}
	}
	return out
}

func (l *live) lastReload() statuspage.Reload {
	last := l.loaded.Load()
	r := statuspage.Reload{Tried: last.at, ActiveSince: last.inForce}
	if last.fault != nil {
		r.Error = last.fault.Error()
	}
	return r
}

func documents(snapshots []wellknown.Snapshot) []statuspage.Document {
	var out []statuspage.Document
	for _, k := range snapshots {
		d := statuspage.Document{Location: k.Location, Published: k.Published.Object, Served: k.Served.Object,
			Fetched: k.Fetched, Expired: k.Expired, Absent: k.Absent}
		if k.Err != nil {
			d.Error = k.Err.Error()
		}
		out = append(out, d)
	}
	return out
}
