package admin

import (
	"cmp"
	"fmt"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/gateway"
	"oauthgw/internal/statuspage"
	"oauthgw/metrics"
	"oauthgw/wellknown"
)

// status gathers the content of the status page.
func (h *Handler) status() statuspage.Facts {
	b, g := metrics.ReadBuild(), h.config.Reloader.Current()
	known, paths := g.Known()
	snapshots, problems := g.Snapshots()
	f := statuspage.Facts{
		Now: time.Now(), Started: h.started, Version: b.Version, Revision: b.Revision, GoVersion: b.GoVersion,
		NotReady: h.notReady(), Provider: h.provider(g, snapshots, known), Reload: reload(h.config.Reloader.LastReload()),
		Endpoints: endpoints(g, paths), Documents: documents(snapshots), Problems: problems,
	}
	for _, c := range h.config.Metrics.ClientAuthCounts() {
		f.Counts = append(f.Counts, statuspage.Count(c))
	}
	for _, d := range h.config.History.latestRefusals() {
		f.Refusals = append(f.Refusals, statuspage.Refusal{Time: d.Time, Endpoint: string(d.Endpoint),
			Method: cmp.Or(string(d.Method), "unknown"), Outcome: d.Outcome, Status: d.Status})
	}
	return f
}

// provider describes the provider and its last responses, to fetches and to clients.
func (h *Handler) provider(g *gateway.Gateway, snapshots []wellknown.Snapshot, known wellknown.Provider) statuspage.Provider {
	p := statuspage.Provider{Upstream: g.Settings().Upstream.URL, Issuer: g.Issuer(known), Public: g.PublicOrigin()}
	answered, failed := h.config.History.upstream(h.config.Reloader.LastReload().Used)
	p.Reached, p.Failed = answered, failed.Time
	if !failed.Time.IsZero() {
		p.Error = fmt.Sprintf("a request at the %s endpoint failed with status %d; see the log", failed.Endpoint, failed.Status)
	}
	for _, s := range snapshots {
		if s.Absent && s.Failed.After(s.Fetched) {
			s.Fetched = s.Failed // 404 is a response too
		}
		if s.Fetched.After(p.Reached) {
			p.Reached = s.Fetched
		}
		if !s.Absent && s.Failed.After(p.Failed) {
			p.Failed, p.Error = s.Failed, s.Err.Error()
		}
	}
	return p
}

// endpoints describes the endpoints that have a path.
func endpoints(g *gateway.Gateway, paths map[clientauth.Endpoint]string) (found []statuspage.Endpoint) {
	for _, name := range clientauth.Endpoints() {
		if path, ok := paths[name]; ok {
			found = append(found, statuspage.Endpoint{Name: string(name), Path: path,
				Untranslated: name == clientauth.Registration && !g.Settings().Registration.Translate,
				Configured:   len(g.Settings().Endpoints) > 0})
		}
	}
	return found
}

func reload(last gateway.ReloadResult) statuspage.Reload {
	r := statuspage.Reload{Tried: last.Time, ActiveSince: last.Used}
	if last.Err != nil {
		r.Error = last.Err.Error()
	}
	return r
}

func documents(snapshots []wellknown.Snapshot) (found []statuspage.Document) {
	for _, s := range snapshots {
		d := statuspage.Document{Location: s.Location, Published: s.Published.Object, Served: s.Served.Object,
			Fetched: s.Fetched, Expired: s.Expired, Absent: s.Absent}
		if s.Err != nil {
			d.Error = s.Err.Error()
		}
		found = append(found, d)
	}
	return found
}
