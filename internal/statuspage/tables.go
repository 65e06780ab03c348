package statuspage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"oauthgw/internal/jsonobject"
	"oauthgw/metrics"
	"oauthgw/wellknown"
)

// difference is a member that the gateway adds, removes or changes. Empty: it is absent.
type difference struct{ Name, Change, Published, Served string }

type comparison struct {
	Differ []difference
	Same   int // members that are equal
}

func compare(d wellknown.Snapshot) (c comparison) {
	before, after := values(d.Published.Object), values(d.Served.Object)
	both := maps.Clone(before)
	maps.Copy(both, after)
	for _, name := range slices.Sorted(maps.Keys(both)) {
		row := difference{name, "changed", before[name], after[name]}
		switch {
		case row.Published == row.Served:
			c.Same++
			continue
		case row.Published == "":
			row.Change = "added"
		case row.Served == "":
			row.Change = "removed"
		}
		c.Differ = append(c.Differ, row)
	}
	return c
}

// values returns the members of an object as JSON without insignificant white space.
func values(o jsonobject.Object) map[string]string {
	out := map[string]string{}
	for _, m := range o.Members() {
		var b bytes.Buffer
		_ = json.Compact(&b, m.Value) // valid JSON
		out[m.Name] = b.String()
	}
	return out
}

// columns are named as their outcomes. All other outcomes are reasons of a refusal.
var columns = [...]string{"Accepted", "Rejected", "Refused", "Failed", "Canceled", "Unclear"}

const acceptedColumn, refusedColumn, failedColumn = 0, 2, 3

type countRow struct {
	Endpoint, Method string
	Cells            [len(columns)]uint64
}

func countTable(counts []metrics.ClientAuthCount) (rows []countRow, totals [len(columns)]uint64) {
	for i, c := range counts {
		if i == 0 || counts[i-1].Endpoint != c.Endpoint || counts[i-1].Method != c.Method {
			rows = append(rows, countRow{Endpoint: c.Endpoint, Method: c.Method})
		}
		at := slices.IndexFunc(columns[:], func(name string) bool { return strings.EqualFold(name, c.Outcome) })
		switch {
		case c.Outcome == "registered": // by the gateway
			at = acceptedColumn
		case c.Outcome == "panic":
			at = failedColumn
		case at < 0:
			at = refusedColumn
		}
		rows[len(rows)-1].Cells[at] += c.Count
		totals[at] += c.Count
	}
	return rows, totals
}

type groupTable struct {
	Kind              Kind
	Title, Text, noun string
	Groups            []Group
}

func groupTables(groups []Group) []groupTable {
	tables := []groupTable{
		{Rejected, "Rejected by the provider", "The provider did not accept the client or its secret. If the reason is unclear, the gateway could not read the error, or does not know it.", "rejected by the provider", nil},
		{Refused, "Refused by the gateway", "The gateway did not send these requests to the provider.", "refused by the gateway", nil},
		{Failed, "Failed", "The provider responded with 5xx, or there was no usable response. If the reason is panic, the gateway has a bug.", "failed", nil},
		{Tolerated, "Tolerated conflicts", "These requests passed only because client_auth.conflict is report. They are also counted above by how they ended.", "with a tolerated conflict", nil},
	}
	for i, t := range tables {
		tables[i].Groups = slices.DeleteFunc(slices.Clone(groups), func(g Group) bool { return g.Kind != t.Kind })
	}
	return tables
}

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
