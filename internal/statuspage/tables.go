package statuspage

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"oauthgw/internal/jsonobject"
)

// difference is a member that the gateway adds, removes or changes. An empty value means that
// the member is absent.
type difference struct{ Name, Change, Published, Served string }

type comparison struct {
	Differ []difference
	Same   int // members that are equal
}

// compare returns the differences, sorted by name.
func compare(d Document) (c comparison) {
	before, after := values(d.Published), values(d.Served)
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

const refusedColumn = 2

type countRow struct {
	Endpoint, Method string
	Cells            [len(columns)]countCell
}

// countCell is a number of requests, with the reasons if they were refused.
type countCell struct {
	Total   uint64
	Reasons []Count
}

func countTable(counts []Count) (rows []countRow, totals [len(columns)]uint64) {
	for i, c := range counts {
		if i == 0 || counts[i-1].Endpoint != c.Endpoint || counts[i-1].Method != c.Method {
			rows = append(rows, countRow{Endpoint: c.Endpoint, Method: c.Method})
		}
		cells := &rows[len(rows)-1].Cells
		at := slices.IndexFunc(columns[:], func(name string) bool { return strings.EqualFold(name, c.Outcome) })
		if at < 0 {
			at = refusedColumn
			cells[at].Reasons = append(cells[at].Reasons, c)
		}
		cells[at].Total += c.Count
		totals[at] += c.Count
	}
	return rows, totals
}
