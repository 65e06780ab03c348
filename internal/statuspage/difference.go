package statuspage

import (
	"bytes"
	"encoding/json"
	"fmt"

	"oauthgw/internal/jsonobject"
)

// maxMembers bounds the members that are shown of a document, those that differ
// and those that do not.
const maxMembers = 64

// difference is a member as the provider wrote it beside what clients are
// shown.
type difference struct {
	Name          []string // in pieces between which a line may break
	Change        string   // changed, added or left out; empty: it is the same
	Before, After value
}

// value is a member's value.
type value struct {
	Absent   bool
	List     bool
	Elements []element // one, unless it is a list
	More     int       // elements that are not shown
}

// element is a text, and whether it is on this side only.
type element struct {
	Text string
	Own  bool
}

// comparison is two documents compared member by member.
type comparison struct {
	Differ, Same         []difference
	MoreDiffer, MoreSame int // that are not shown
}

// compare compares in the order of the provider's document.
func compare(published, served jsonobject.Object) comparison {
	before, after := valuesOf(published), valuesOf(served)
	names := published.Members()
	for _, m := range served.Members() {
		if before[m.Name] == nil {
			names = append(names, m)
		}
	}
	var c comparison
	for _, m := range names {
		rows, more := &c.Same, &c.MoreSame
		change := change(before[m.Name], after[m.Name])
		if change != "" {
			rows, more = &c.Differ, &c.MoreDiffer
		}
		if len(*rows) == maxMembers {
			*more++
			continue
		}
		*rows = append(*rows, difference{pieces(shown(m.Name, maxName)), change,
			valueOf(before[m.Name], after[m.Name]), valueOf(after[m.Name], before[m.Name])})
	}
	return c
}

func valuesOf(o jsonobject.Object) map[string]json.RawMessage {
	values := map[string]json.RawMessage{}
	for _, m := range o.Members() {
		values[m.Name] = m.Value
	}
	return values
}

func change(before, after json.RawMessage) string {
	switch {
	case before == nil:
		return "added"
	case after == nil:
		return "left out"
	case compact(before) != compact(after):
		return "changed"
	}
	return ""
}

// compact returns JSON without the white space that means nothing.
func compact(text json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, text) != nil {
		return string(text)
	}
	return b.String()
}

// valueOf returns what is shown of a value beside another one. Of lists each
// element is compared: one more method is what most differences are. Those that
// are on one side only have room of their own, so that the others cannot hide
// them.
func valueOf(text, beside json.RawMessage) value {
	if text == nil {
		return value{Absent: true}
	}
	list, others := elements(text), elements(beside)
	if list == nil {
		return value{Elements: []element{{Text: plain(text, maxValue)}}}
	}
	known := map[string]bool{}
	for _, e := range others {
		known[e] = true
	}
	const least = 16 // characters that an element takes, however short
	room := map[bool]int{true: maxValue, false: maxValue}
	v := value{List: true}
	for _, e := range list {
		own := others != nil && !known[e]
		if room[own] <= 0 {
			v.More++
			continue
		}
		shown := plain(json.RawMessage(e), room[own])
		room[own] -= len(shown) + least
		v.Elements = append(v.Elements, element{shown, own})
	}
	return v
}

// elements returns the elements of a list, or nil where the value is none.
func elements(text json.RawMessage) []string {
	var list []json.RawMessage
	if json.Unmarshal(text, &list) != nil || list == nil {
		return nil
	}
	out := make([]string, 0, len(list))
	for _, e := range list {
		out = append(out, compact(e))
	}
	return out
}

// plain returns a value as people write it: a string without its quotes, unless
// it could be taken for something else.
func plain(text json.RawMessage, limit int) string {
	long := compact(text)
	var s string
	if json.Unmarshal(text, &s) == nil && s != "" && !json.Valid([]byte(s)) {
		long = s
	}
	short := shown(long, limit)
	if len(long) > 2*limit {
		short += fmt.Sprintf(" (%d octets)", len(long))
	}
	return short
}
