package statuspage

import (
	"fmt"
	"slices"

	"oauthgw/wellknown"
)

// tile is one part of the summary. State is good, warning, bad or unknown; each has a sign.
type tile struct {
	Name, State, Word, Detail string
}

func tiles(f Facts) []tile {
	gateway := tile{"Gateway", "good", "Ready", plural(len(f.Endpoints), "endpoint", "endpoints")}
	if f.NotReady != "" {
		gateway = tile{"Gateway", "bad", "Not ready", f.NotReady}
	}
	provider := tile{"Provider", "good", "Reachable", "last response " + ago(f.Provider.Reached, f.Now)}
	switch {
	case f.Provider.Failed.After(f.Provider.Reached):
		provider = tile{"Provider", "bad", "Failing", "no usable response to the last request"}
	case f.Provider.Reached.IsZero():
		provider = tile{"Provider", "unknown", "No requests yet", ""}
	}
	configuration := tile{"Configuration", "good", "Active", "loaded " + ago(f.Reload.ActiveSince, f.Now)}
	switch {
	case f.Reload.Err != nil:
		configuration = tile{"Configuration", "bad", "Reload failed", "keeping the previous configuration"}
	case len(f.Warnings) > 0:
		configuration = tile{"Configuration", "warning", "Warnings", plural(len(f.Warnings), "warning", "warnings") + " below"}
	}
	return []tile{gateway, authentication(f.Recent), provider, configuration, metadata(f)}
}

func metadata(f Facts) tile {
	has := func(is func(wellknown.Snapshot) bool) bool { return slices.ContainsFunc(f.Documents, is) }
	served := has(func(d wellknown.Snapshot) bool { return d.Known() && !d.Expired })
	switch {
	case served && len(f.Problems) > 0:
		return tile{"Metadata", "warning", "Problems", plural(len(f.Problems), "problem", "problems") + " below"}
	case served:
		return tile{"Metadata", "good", "OK", "no problems for strict clients"}
	case has(func(d wellknown.Snapshot) bool { return d.Err != nil && !d.Absent }):
		return tile{"Metadata", "bad", "Fetch failed", "clients get no metadata"}
	case has(func(d wellknown.Snapshot) bool { return d.Absent }):
		return tile{"Metadata", "unknown", "None", "the provider has no metadata document"}
	}
	return tile{"Metadata", "unknown", "Unknown", "not fetched yet"}
}

// The rule of the tile of client authentication. One failure of a few requests is amber, so red has a minimum.
const (
	warningPercent = 10
	badPercent     = 50
	badRequests    = 5
)

var authenticationRule = fmt.Sprintf("The tile at the top counts the last %d requests of the last %d minutes, without those that clients canceled. "+
	"It is amber if %d%% or more of them were rejected, refused or failed, and red if %d%% or more, and at least %d, were.",
	RecentRequests, int(RecentTime.Minutes()), warningPercent, badPercent, badRequests)

func authentication(r Recent) tile {
	bad := r[Rejected] + r[Refused] + r[Failed]
	total := r[Accepted] + bad
	t := tile{"Client authentication", "good", "OK", fmt.Sprintf("%d of %s accepted", r[Accepted], plural(total, "recent request", "recent requests"))}
	switch {
	case total == 0:
		return tile{t.Name, "unknown", "No requests", fmt.Sprintf("in the last %d minutes", int(RecentTime.Minutes()))}
	case 100*bad >= badPercent*total && bad >= badRequests:
		t.State, t.Word = "bad", "Failing"
	case 100*bad >= warningPercent*total:
		t.State, t.Word = "warning", "Some failing"
	}
	for _, table := range groupTables(nil) {
		if n := r[table.Kind]; n > 0 {
			t.Detail += fmt.Sprintf(", %d %s", n, table.noun)
		}
	}
	return t
}

// title returns the worst tile in words.
func title(all []tile) string {
	for _, state := range []string{"bad", "warning"} {
		if i := slices.IndexFunc(all, func(t tile) bool { return t.State == state }); i >= 0 {
			return all[i].Name + ": " + all[i].Word
		}
	}
	return all[0].Word
}
