package main

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// shape judges what a file holds by the types of the configuration, and cuts
// out what does not fit, so that the rest can be read and judged as well. It
// never follows an alias, by which a short file could stand for a huge one.
type shape struct {
	file  string
	found mistakeList
	cut   []string // the keys whose values were cut out
}

func (s *shape) add(key string, n *yaml.Node, format string, args ...any) {
	m := mistake{File: s.file, Line: n.Line, Key: key, Message: fmt.Sprintf(format, args...)}
	// Of a list of many alike one is told for each line.
	if !slices.ContainsFunc(s.found[max(0, len(s.found)-1):], func(last mistake) bool { return last.Error() == m.Error() }) {
		s.found = append(s.found, m)
	}
}

// fits reports whether a value can be read into a type. What of it cannot has
// been cut out then.
func (s *shape) fits(key string, n *yaml.Node, t reflect.Type) bool {
	kind, isNull := t.Kind(), n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
	switch {
	case n.Kind == yaml.AliasNode:
		s.add(key, n, aliasMessage)
		return false
	case isNull && (kind == reflect.Struct || kind == reflect.Map || kind == reflect.Slice):
		return true // nothing is in it, or comments only
	case isNull && kind != reflect.Interface:
		// It may be half-written.
		s.add(key, n, "has no value; write one, or leave the key out")
		return false
	case n.Kind == yaml.MappingNode && (kind == reflect.Struct || kind == reflect.Map || kind == reflect.Interface):
		s.section(key, n, t)
		return true
	case n.Kind == yaml.SequenceNode && (kind == reflect.Slice || kind == reflect.Interface):
		s.list(key, n, t)
		return true
	case n.Kind == yaml.ScalarNode && isScalar(n, t):
		return true
	}
	s.add(key, n, "must be %s", expected(t))
	return false
}

// section judges keys and their values.
func (s *shape) section(section string, n *yaml.Node, t reflect.Type) {
	first := map[string]int{} // line, by key
	var kept []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		key := strings.TrimPrefix(section+"."+name.Value, ".")
		within := typeWithin(t, name.Value)
		switch {
		case name.Kind != yaml.ScalarNode || !isScalar(name, reflect.TypeFor[string]()):
			s.add(section, name, "has a key that is no text; write a name and a colon")
		case name.ShortTag() == "!!merge":
			s.add(key, name, "a merge key is not read; write the keys themselves")
		case first[name.Value] > 0:
			s.add(key, name, "is written a second time, after line %d; leave one of them", first[name.Value])
		case within == nil:
			s.add(key, name, "unknown key; the keys here are %s", strings.Join(keysIn(t), ", "))
		case s.fits(key, value, within):
			kept = append(kept, name, value)
		default:
			s.cut = append(s.cut, key)
		}
		if first[name.Value] == 0 {
			first[name.Value] = name.Line
		}
	}
	n.Content = kept
}

func (s *shape) list(key string, n *yaml.Node, t reflect.Type) {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	var kept []*yaml.Node
	for _, element := range n.Content {
		if s.fits(key, element, t) {
			kept = append(kept, element)
		}
	}
	n.Content = kept
}

// typeWithin returns the type of what a key of a section holds. Nil means that
// there is no such key.
func typeWithin(section reflect.Type, name string) reflect.Type {
	switch section.Kind() {
	case reflect.Map:
		return section.Elem()
	case reflect.Struct:
		for f := range section.Fields() {
			if f.Tag.Get("yaml") == name {
				return f.Type
			}
		}
		return nil
	}
	return section // whatever it is, anything may be in it
}

func keysIn(t reflect.Type) []string {
	var keys []string
	for f := range t.Fields() {
		keys = append(keys, f.Tag.Get("yaml"))
	}
	return keys
}

// isScalar reports whether a word can be read into a type. The library would cut
// a fraction off.
func isScalar(n *yaml.Node, t reflect.Type) bool {
	return (t.Kind() != reflect.Int || n.ShortTag() == "!!int") && n.Decode(reflect.New(t).Interface()) == nil
}

// expected says what a value of a type is.
func expected(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct:
		return "a section, with keys among " + strings.Join(keysIn(t), ", ")
	case reflect.Map:
		return "a section of names and their values, such as {name: value}"
	case reflect.Slice:
		return "a list, such as [one, another]"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.String:
		return "text"
	case reflect.Interface:
		return "a value that JSON has"
	}
	if t == reflect.TypeFor[time.Duration]() {
		return "a duration, such as 15s, 5m or 1h30m"
	}
	return t.String()
}
