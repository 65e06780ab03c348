package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// parseDocument parses a text that holds one YAML document, or only comments.
func parseDocument(text []byte, root *yaml.Node) *Error {
	d := yaml.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(root); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		return syntaxError(text, err)
	}
	var next yaml.Node
	switch err := d.Decode(&next); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return syntaxError(text, err)
	}
	return &Error{Line: next.Line, Message: "begins another document; the file must hold one, without --- between its lines"}
}

const aliasMessage = "aliases (*name) are not supported; write the value itself, or quote it if it begins with *"

// syntaxHints say what to do about an error of the YAML library, and where the error is
// if the library gives no line.
var syntaxHints = []struct {
	problem, message string
	where            *regexp.Regexp
}{
	{"mapping values are not allowed", "has a colon where none can be; quote a text that holds a colon and a space, and indent the keys of a section alike", nil},
	{"cannot start any token", "has a text that begins with a reserved character; quote it", nil},
	{"expected alphabetic or numeric", "has a text that begins with * or &; quote it", nil},
	{"expected ',' or", "has an unclosed bracket, or lacks a comma within brackets", nil},
	{"unexpected end of stream", "has an unclosed quotation mark", nil},
	{"could not find expected ':'", "lacks a colon; write a key and its value as key: value", nil},
	{"did not find expected key", "begins a section with a line that is not a key; indent the keys of a section alike, and close each bracket once", nil},
	{"control characters are not allowed", "holds a control character; a configuration is text in UTF-8", regexp.MustCompile(`[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]`)},
	{"UTF-8", "is not UTF-8; a configuration is text in UTF-8", regexp.MustCompile(`\x{fffd}`)},
	{"did not find expected node content", "lacks a value, or has one that begins with a reserved character; quote it", nil},
	{"unknown anchor", aliasMessage, regexp.MustCompile(`[\[{,:-] *\*\w`)},
}

var (
	yamlError   = regexp.MustCompile(`(?s)^yaml: (?:line (\d+): )?(.*)$`)
	parserError = regexp.MustCompile(`^did not find expected (key|',' or|node content|<)`)
	tabIndents  = regexp.MustCompile(`(?m)^ *\t[ \t]*[^#\s]`)
)

// syntaxError adds a hint to an error of the YAML library where one is known.
func syntaxError(text []byte, err error) *Error {
	if line := lineOfMatch(text, tabIndents); line > 0 {
		return &Error{Line: line, Message: "is indented by a tab; indent by spaces"}
	}
	m := yamlError.FindStringSubmatch(err.Error())
	if m == nil {
		return &Error{Message: "is not YAML: " + err.Error()}
	}
	line, _ := strconv.Atoi(m[1]) // zero if the library gives none
	if parserError.MatchString(m[2]) {
		// The library's parser counts lines from zero, its scanner from one.
		line = min(line+1, 1+bytes.Count(bytes.TrimRight(text, "\n"), []byte("\n")))
	}
	for _, hint := range syntaxHints {
		if !strings.Contains(m[2], hint.problem) {
			continue
		}
		if line == 0 && hint.where != nil {
			line = lineOfMatch(text, hint.where)
		}
		return &Error{Line: line, Message: hint.message}
	}
	return &Error{Line: line, Message: "is not YAML: " + m[2]}
}

// lineOfMatch returns the line of the first match, or zero.
func lineOfMatch(text []byte, pattern *regexp.Regexp) int {
	match := pattern.FindIndex(text)
	if match == nil {
		return 0
	}
	return 1 + bytes.Count(text[:match[0]], []byte("\n"))
}

// decoder compares a parsed document with the type of the configuration. It removes
// the nodes that do not match, so that the rest can be decoded and validated. It
// follows no alias, since a short document of aliases can expand to a huge one.
type decoder struct {
	file    string
	found   Errors
	skipped []string // the keys of the removed nodes
}

func (d *decoder) addf(key string, n *yaml.Node, format string, args ...any) {
	m := Error{File: d.file, Line: n.Line, Key: key, Message: fmt.Sprintf(format, args...)}
	// A list on one line can have the same error many times.
	if len(d.found) == 0 || d.found[len(d.found)-1].Error() != m.Error() {
		d.found = append(d.found, m)
	}
}

// checkNode reports whether a node can be decoded into a type, once the nodes that
// cannot have been removed from it.
func (d *decoder) checkNode(key string, n *yaml.Node, t reflect.Type) bool {
	kind, isNull := t.Kind(), n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null"
	switch {
	case n.Kind == yaml.AliasNode:
		d.addf(key, n, aliasMessage)
		return false
	case isNull && (kind == reflect.Struct || kind == reflect.Map || kind == reflect.Slice):
		return true // an empty section, or one of comments
	case isNull && kind != reflect.Interface:
		d.addf(key, n, "has no value; write one, or remove the key")
		return false
	case n.Kind == yaml.MappingNode && (kind == reflect.Struct || kind == reflect.Map || kind == reflect.Interface):
		d.checkMapping(key, n, t)
		return true
	case n.Kind == yaml.SequenceNode && kind == reflect.Slice:
		n.Content = slices.DeleteFunc(n.Content, func(e *yaml.Node) bool { return !d.checkNode(key, e, t.Elem()) })
		return true
	case n.Kind == yaml.SequenceNode && kind == reflect.Interface:
		n.Content = slices.DeleteFunc(n.Content, func(e *yaml.Node) bool { return !d.checkNode(key, e, t) })
		return true
	case n.Kind == yaml.ScalarNode && decodes(n, t):
		return true
	}
	d.addf(key, n, "must be %s", describe(t))
	return false
}

func (d *decoder) checkMapping(section string, n *yaml.Node, t reflect.Type) {
	first := map[string]int{} // line, by key
	var kept []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		key := strings.TrimPrefix(section+"."+name.Value, ".")
		valueType := memberType(t, name.Value)
		switch {
		case name.Kind != yaml.ScalarNode || !decodes(name, reflect.TypeFor[string]()):
			d.addf(section, name, "has a key that is not text; write a name and a colon")
		case name.ShortTag() == "!!merge":
			d.addf(key, name, "merge keys are not supported; write the keys themselves")
		case first[name.Value] > 0:
			d.addf(key, name, "repeats the key of line %d; remove one", first[name.Value])
		case valueType == nil:
			d.addf(key, name, "unknown key; the keys here are %s", strings.Join(keysOf(t), ", "))
		case d.checkNode(key, value, valueType):
			kept = append(kept, name, value)
		default:
			d.skipped = append(d.skipped, key)
		}
		if first[name.Value] == 0 {
			first[name.Value] = name.Line
		}
	}
	n.Content = kept
}

// memberType returns the type of a key's value in a section, or nil for an unknown key.
func memberType(section reflect.Type, name string) reflect.Type {
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
	return section // an interface holds any value
}

func keysOf(t reflect.Type) []string {
	var keys []string
	for f := range t.Fields() {
		keys = append(keys, f.Tag.Get("yaml"))
	}
	return keys
}

// decodes reports whether a scalar can be decoded into a type. The library would
// decode 1.5 into an int as 1.
func decodes(n *yaml.Node, t reflect.Type) bool {
	return (t.Kind() != reflect.Int || n.ShortTag() == "!!int") && n.Decode(reflect.New(t).Interface()) == nil
}

func describe(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct:
		return "a section with keys among " + strings.Join(keysOf(t), ", ")
	case reflect.Map:
		return "a section of names and values, such as {name: value}"
	case reflect.Slice:
		return "a list, such as [one, another]"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.String:
		return "text"
	}
	if t == reflect.TypeFor[time.Duration]() {
		return "a duration, such as 15s, 5m or 1h30m"
	}
	return t.String()
}
