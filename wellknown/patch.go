package wellknown

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"oauthgw/internal/jsonobject"
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
	o := md.without(p.Remove...).Object
	for _, name := range slices.Sorted(maps.Keys(p.Set)) {
		o = o.With(name, p.Set[name])
	}
	for _, name := range slices.Sorted(maps.Keys(p.Add)) {
		o = withElements(o, name, p.Add[name])
	}
	out := Metadata{o}
	// Signed values would take precedence over the corrections.
	if _, set := p.Set[memberSigned]; !set && !bytes.Equal(out.Encode(), md.Encode()) {
		out = out.without(memberSigned)
	}
	return out
}

// withElements appends the missing elements to a member. A member that is not a list
// stays.
func withElements(o jsonobject.Object, name string, elements []json.RawMessage) jsonobject.Object {
	var list []json.RawMessage
	if value := o.Get(name); value != nil && json.Unmarshal(value, &list) != nil {
		return o
	}
	before := len(list)
	for _, e := range elements {
		if !slices.ContainsFunc(list, func(l json.RawMessage) bool { return string(l) == string(e) }) {
			list = append(list, e)
		}
	}
	if len(list) == before {
		return o
	}
	return o.With(name, list)
}
