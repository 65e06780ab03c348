package wellknown

import (
	"encoding/json"
	"maps"
	"slices"
)

// Patch corrects a provider's metadata before it is read. The zero Patch changes nothing.
type Patch struct {
	Remove []string                     // members
	Set    map[string]json.RawMessage   // values of members
	Add    map[string][]json.RawMessage // elements of lists; an absent member becomes a list
}

// Problems returns what is wrong with the patch: it changes a member twice, or the issuer, by
// which clients tell servers apart.
func (p Patch) Problems() (found []string) {
	seen := map[string]bool{}
	for _, name := range slices.Concat(p.Remove, slices.Sorted(maps.Keys(p.Set)), slices.Sorted(maps.Keys(p.Add))) {
		switch {
		case name == memberIssuer:
			found = append(found, "must leave the issuer alone; metadata.issuer: rewrite moves it together with the endpoints")
		case seen[name]:
			found = append(found, "changes "+name+" twice")
		}
		seen[name] = true
	}
	return found
}

func (p Patch) apply(md Metadata) Metadata {
	out := md.without(p.Remove...)
	for _, name := range slices.Sorted(maps.Keys(p.Set)) {
		out = out.with(name, p.Set[name])
	}
	for _, name := range slices.Sorted(maps.Keys(p.Add)) {
		out = out.withElements(name, p.Add[name])
	}
	if _, set := p.Set[memberSigned]; set {
		return out
	}
	return out.unsigned(md)
}

// withElements appends the missing elements to a member that is a list or absent.
func (md Metadata) withElements(name string, elements []json.RawMessage) Metadata {
	var list []json.RawMessage
	if value := md.Get(name); value != nil && json.Unmarshal(value, &list) != nil {
		return md
	}
	missing := slices.DeleteFunc(slices.Clone(elements), func(e json.RawMessage) bool {
		return slices.ContainsFunc(list, func(l json.RawMessage) bool { return string(l) == string(e) })
	})
	if len(missing) == 0 {
		return md
	}
	return md.with(name, append(list, missing...))
}
