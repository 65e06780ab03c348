// Package jsonobject changes members of a JSON object and leaves the others byte for byte.
//
// It rejects duplicate names (RFC 8259 section 4), because parsers differ in which of the two
// they take. Names compare exactly.
package jsonobject

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
)

// Errors of [Parse].
var (
	ErrNotObject = errors.New("it is not a JSON object") // but empty, or another value
	ErrRepeated  = errors.New("the JSON object holds a member twice")
	errSyntax    = errors.New("it is not JSON, is truncated, or has text after the object")
)

// Object is an immutable JSON object. Its members keep their order. The zero value has none.
type Object struct {
	members []Member
}

// Member is a name and a value of valid JSON.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Parse parses one JSON object with nothing but white space around it. Errors quote none of it.
// The values may be parts of the text, which must not change afterwards.
func Parse(text []byte) (Object, error) {
	if o, ok := parsePlain(text); ok {
		return o, nil
	}
	return parseAny(text)
}

// parseAny is Parse for any text.
func parseAny(text []byte) (Object, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return Object{}, ErrNotObject
	}
	var o Object
	seen := map[string]bool{}
	for d.More() {
		var m Member
		name, err := d.Token()
		if err == nil {
			m.Name, err = name.(string), d.Decode(&m.Value)
		}
		switch {
		case err != nil:
			return Object{}, errSyntax
		case seen[m.Name]:
			return Object{}, ErrRepeated
		}
		seen[m.Name] = true
		o.members = append(o.members, m)
	}
	_, err := d.Token() // the end of the object
	if _, after := d.Token(); err != nil || after != io.EOF {
		return Object{}, errSyntax
	}
	return o, nil
}

func (o Object) index(name string) int {
	return slices.IndexFunc(o.members, func(m Member) bool { return m.Name == name })
}

// Get returns the value of a member, or nil.
func (o Object) Get(name string) json.RawMessage {
	if i := o.index(name); i >= 0 {
		return o.members[i].Value
	}
	return nil
}

// Text returns the value of a member that is a string, or "".
func (o Object) Text(name string) string { return Member{name, o.Get(name)}.Text() }

// Text returns the value if it is a string, or "".
func (m Member) Text() string {
	n := plainLen(m.Value)
	switch {
	case len(m.Value) == 0 || m.Value[0] != '"':
		return ""
	case n > 0 && n == len(m.Value):
		return string(m.Value[1 : n-1])
	}
	var s string
	_ = json.Unmarshal(m.Value, &s)
	return s
}

// Members returns the members in their order.
func (o Object) Members() []Member { return slices.Clone(o.members) }

// With returns a copy in which a member has a value that can be encoded. A new one is last.
func (o Object) With(name string, value any) Object {
	members, i := slices.Clone(o.members), o.index(name)
	if i < 0 {
		i, members = len(members), append(members, Member{Name: name})
	}
	members[i].Value = encode(value)
	return Object{members}
}

// Len returns the number of members.
func (o Object) Len() int { return len(o.members) }

// Without returns the object without the members for which drop returns true.
func (o Object) Without(drop func(Member) bool) Object {
	if !slices.ContainsFunc(o.members, drop) {
		return o
	}
	return Object{slices.DeleteFunc(slices.Clone(o.members), drop)}
}

// WithoutNulls returns a copy without the members that are null: in OAuth a member that is
// null counts as absent. Nulls inside of other values stay.
func (o Object) WithoutNulls() Object {
	return o.Without(func(m Member) bool { return string(m.Value) == "null" })
}

// Encode returns the object as JSON text.
func (o Object) Encode() []byte {
	text := []byte{'{'}
	for i, m := range o.members {
		if i > 0 {
			text = append(text, ',')
		}
		start := len(text)
		text = append(append(append(text, '"'), m.Name...), '"')
		if name := text[start:]; plainLen(name) != len(name) { // it may need escapes
			text = append(text[:start], encode(m.Name)...)
		}
		text = append(append(text, ':'), m.Value...)
	}
	return append(text, '}')
}

// encode encodes a value without escaping the ampersands of URLs.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	return bytes.TrimSpace(b.Bytes())
}
