package statuspage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"oauthgw/internal/jsonobject"
)

const maxMembers = 64 // on the page

// difference is a member that the gateway adds, removes or changes. An empty value means that
// the member is absent.
type difference struct{ Name, Change, Published, Served string }

type comparison struct {
	Differ     []difference
	Same, More int // members that are equal, and that differ but are not on the page
}

func compare(d Document) comparison {
	before, after := values(d.Published), values(d.Served)
	members := d.Published.Members()
	for _, m := range d.Served.Members() {
		if before[m.Name] == "" {
			members = append(members, m)
		}
	}
	var c comparison
	for _, m := range members {
		published, served := before[m.Name], after[m.Name]
		row := difference{m.Name, "changed", valueText(published, served), valueText(served, published)}
		switch {
		case published == served:
			c.Same++
			continue
		case len(c.Differ) == maxMembers:
			c.More++
			continue
		case published == "":
			row.Change = "added"
		case served == "":
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

// valueText returns a value as it is shown beside another one. If a list is too long, the
// elements in both lists are only counted, so that they cannot hide the others.
func valueText(value, other string) string {
	var list, others []json.RawMessage
	if len(value) <= maxText || json.Unmarshal([]byte(value), &list) != nil || json.Unmarshal([]byte(other), &others) != nil {
		return shown(value, maxText)
	}
	shared := map[string]bool{}
	for _, e := range others {
		shared[string(e)] = true
	}
	var own []string
	for _, e := range list {
		if !shared[string(e)] {
			own = append(own, string(e))
		}
	}
	return fmt.Sprintf("%d in both, and %s", len(list)-len(own), shown(strings.Join(own, ","), maxText))
}
