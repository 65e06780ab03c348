package statuspage

import (
	"bytes"
	"encoding/json"
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
