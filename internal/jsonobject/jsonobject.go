// Package jsonobject reads a JSON object as its members, each in the octets
// that it came in, so that one member can be changed and every other one stays
// as it was written: its place, its number format, its unknown parts.
//
// A name that comes twice is refused (RFC 8259 section 4), because readers
// differ in which of the two they take. Names compare exactly.
package jsonobject

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Errors of [Parse] that a caller may want to tell from broken JSON.
var (
	// ErrNotObject says that the text is empty, or begins as something else.
	ErrNotObject = errors.New("it is not a JSON object")
	// ErrRepeated says that a name comes twice.
	ErrRepeated = errors.New("the JSON object holds a member twice")
)

// Object is a JSON object whose members keep their order. The zero value is
// the empty object. Its methods leave it alone and return another one where
// something changes, so that an Object may be shared.
type Object struct {
	members []Member
}

// Member is a name and a value, which is valid JSON.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Parse reads one JSON object with nothing but white space around it. No text
// of the input is in its errors.
func Parse(text []byte) (Object, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return Object{}, ErrNotObject
	}
	var o Object
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return Object{}, broken(err)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return Object{}, broken(err)
		}
		if seen[name.(string)] {
			return Object{}, ErrRepeated
		}
		seen[name.(string)] = true
		o.members = append(o.members, Member{name.(string), value})
	}
	if _, err := d.Token(); err != nil {
		return Object{}, broken(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return Object{}, errors.New("something follows the JSON object")
	}
	return o, nil
}

// broken names where JSON ends to be JSON, and not the text that stands there.
func broken(err error) error {
	if syntax := new(json.SyntaxError); errors.As(err, &syntax) {
		return fmt.Errorf("it is not JSON from octet %d on", syntax.Offset)
	}
	return errors.New("it is not JSON to its end")
}

func (o Object) index(name string) int {
	return slices.IndexFunc(o.members, func(m Member) bool { return m.Name == name })
}

// Get returns the value of a member. Nil means that it is absent.
func (o Object) Get(name string) json.RawMessage {
	if i := o.index(name); i >= 0 {
		return o.members[i].Value
	}
	return nil
}

// Text returns the value of a member that is a string. It is empty where the
// member is absent, empty, or something else.
func (o Object) Text(name string) string {
	var s string
	if json.Unmarshal(o.Get(name), &s) != nil {
		return ""
	}
	return s
}

// Members returns the members in their order.
func (o Object) Members() []Member { return slices.Clone(o.members) }

// With returns an object in which a member has a value, which must be one that
// encoding/json encodes. A member that is new comes last.
func (o Object) With(name string, value any) Object {
	members := slices.Clone(o.members)
	if i := o.index(name); i >= 0 {
		members[i].Value = encode(value)
	} else {
		members = append(members, Member{name, encode(value)})
	}
	return Object{members}
}

// Without returns an object that lacks the members of which drop is true.
func (o Object) Without(drop func(Member) bool) Object {
	return Object{slices.DeleteFunc(slices.Clone(o.members), drop)}
}

// Encode returns the object as JSON text.
func (o Object) Encode() []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o.members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(encode(m.Name))
		b.WriteByte(':')
		b.Write(m.Value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// encode writes JSON whose strings stay readable: the default would escape the
// ampersands of URLs. The value is one that encodes.
func encode(v any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	return bytes.TrimSpace(b.Bytes())
}
