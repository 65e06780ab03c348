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

// Patch corrects what a provider's metadata gets wrong, before anything else
// reads it. The zero Patch changes nothing.
type Patch struct {
	// Remove names members to leave out.
	Remove []string
	// Set gives members a value.
	Set map[string]json.RawMessage
	// Add puts elements that are missing at the end of members that are lists. A
	// member that is absent becomes a list.
	Add map[string][]json.RawMessage
}

// Check tells what is wrong with a patch itself: a member that is changed in
// two ways, and the issuer, by which clients tell servers apart.
func (p Patch) Check() error {
	var mistakes []error
	seen := map[string]bool{}
	for _, name := range slices.Concat(p.Remove, slices.Sorted(maps.Keys(p.Set)), slices.Sorted(maps.Keys(p.Add))) {
		switch {
		case name == memberIssuer:
			mistakes = append(mistakes, errors.New("must leave the issuer alone; metadata.issuer: rewrite moves it together with the endpoints"))
		case seen[name]:
			mistakes = append(mistakes, fmt.Errorf("changes %s twice", name))
		}
		seen[name] = true
	}
	return errors.Join(mistakes...)
}

func (p Patch) apply(md Metadata) Metadata {
	o := md.without(p.Remove...).Object
	for _, name := range slices.Sorted(maps.Keys(p.Set)) {
		o = o.With(name, p.Set[name])
	}
	for _, name := range slices.Sorted(maps.Keys(p.Add)) {
		o = appended(o, name, p.Add[name])
	}
	out := Metadata{o}
	// Signed values would take precedence over the corrections.
	if _, set := p.Set[memberSigned]; !set && !bytes.Equal(out.Encode(), md.Encode()) {
		out = out.without(memberSigned)
	}
	return out
}

// appended returns an object in which a list holds some elements more. A member
// that is no list stays: whoever reads it makes of it what it is.
func appended(o jsonobject.Object, name string, elements []json.RawMessage) jsonobject.Object {
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
