package doctor

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
)

// judgeDifferences compares the documents of an issuer with the first: which
// one a client reads depends on where it looks.
func judgeDifferences(o observation) []Finding {
	var found []Finding
	own := o.own()
	for i := 1; i < len(own); i++ {
		first, l := own[0], own[i]
		differ, lacking := differences(first, l)
		if len(differ) > 0 {
			found = append(found, Finding{Warning, l.path, "The document differs from the one at " + first.path + " in " + quoteAll(differ) + ", so clients behave by where they look.",
				"Serve the same document at both."})
		}
		if len(lacking) > 0 {
			found = append(found, Finding{Note, l.path, "This document and the one at " + first.path + " do not have the same members: one of them lacks " + quoteAll(lacking) + ".",
				"Serve the same document at both, if clients that read the one need what is in the other."})
		}
	}
	return found
}

// differences returns the members that differ between two documents, and those
// that only one of them has. Issuers are judged elsewhere.
func differences(a, b location) (differ, lacking []string) {
	names := map[string]bool{}
	for _, m := range slices.Concat(a.object.Members(), b.object.Members()) {
		names[m.Name] = true
	}
	delete(names, "issuer")
	for _, name := range sortedKeys(names) {
		switch x, y := a.object.Get(name), b.object.Get(name); {
		case x == nil || y == nil:
			lacking = append(lacking, name)
		case !equal(x, y):
			differ = append(differ, name)
		}
	}
	return differ, lacking
}

// equal compares JSON values, however they are written.
func equal(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
