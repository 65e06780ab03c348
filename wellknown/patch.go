package wellknown

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Patch corrects a provider's metadata before anything else reads it. The zero Patch
// changes nothing.
type Patch struct {
	// Remove names members to remove.
	Remove []string
	// Set gives members a value.
	Set map[string]json.RawMessage
	// Add appends missing elements to members that are lists. An absent member becomes
	// a list.
	Add map[string][]json.RawMessage
}

// Check returns an error if the patch changes a member twice, or the issuer, by which
// clients tell servers apart.
func (p Patch) Check() error {
	var errs []error
	seen := map[string]bool{}
	for _, name := range slices.Concat(p.Remove, slices.Sorted(maps.Keys(p.Set)), slices.Sorted(maps.Keys(p.Add))) {
		switch {
		case name == memberIssuer:
			errs = append(errs, errors.New("must leave the issuer alone; metadata.issuer: rewrite moves it together with the endpoints"))
		case seen[name]:
			errs = append(errs, fmt.Errorf("changes %s twice", name))
		}
		seen[name] = true
	}
	return errors.Join(errs...)
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

// withElements appends the missing elements to a member. A member that is not a list
// stays.
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
