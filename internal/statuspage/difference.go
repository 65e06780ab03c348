package statuspage

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

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
