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

	"gopkg.in/yaml.v3"
)

// parseDocument parses a text that holds one YAML document, or only comments.
func parseDocument(text []byte, root *yaml.Node) *Error {
	d := yaml.NewDecoder(bytes.NewReader(text))
	var next yaml.Node
	err := d.Decode(root)
	if err == nil {
		err = d.Decode(&next)
	}
	switch {
	case err == nil:
		return &Error{Line: next.Line, Message: "begins another document; the file must hold one, without --- between its lines"}
	case errors.Is(err, io.EOF):
		return nil
	}
	return syntaxError(text, err)
}

const aliasMessage = "aliases (*name) are not supported; write the value itself, or quote it if it begins with *"

// syntaxHints say what to do about an error of the YAML library. The pattern finds the line
// if the library gives none; by default it is the first.
var syntaxHints = []struct{ problem, message, pattern string }{
	{"mapping values are not allowed", "has an unexpected colon; quote a text that holds a colon and a space, and indent the keys of a section alike", ""},
	{"cannot start any token", "has a value that begins with a reserved character; quote it", ""},
	{"expected alphabetic or numeric", "has a value that begins with * or &; quote it", ""},
	{"expected ',' or", "has an unclosed bracket, or lacks a comma within brackets", ""},
	{"unexpected end of stream", "has an unclosed quotation mark", ""},
	{"could not find expected ':'", "lacks a colon; write a key and its value as key: value", ""},
	{"did not find expected key", "has a line that is not a key; indent the keys of a section alike, and close each bracket once", ""},
	{"control characters are not allowed", "holds a control character; a configuration is text in UTF-8", `[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]`},
	{"UTF-8", "is not UTF-8; a configuration is text in UTF-8", `\x{fffd}`},
	{"did not find expected node content", "lacks a value, or has one that begins with a reserved character; quote it", ""},
	{"unknown anchor", aliasMessage, `(?m)(?:^|[\[{,:-]) *\*\w`},
}

var (
	yamlError   = regexp.MustCompile(`(?s)^(?:yaml: )?(?:line (\d+): )?(.*)$`)
	parserError = regexp.MustCompile(`^did not find expected (key|',' or|node content|<)`)
	tabIndents  = regexp.MustCompile(`(?m)^ *\t[ \t]*[^#\s]`)
)

// syntaxError adds a hint to an error of the YAML library where one is known.
func syntaxError(text []byte, err error) *Error {
	if line := lineOfMatch(text, tabIndents); line > 0 {
		return &Error{Line: line, Message: "is indented by a tab; indent by spaces"}
	}
	m := yamlError.FindStringSubmatch(err.Error())
	line, _ := strconv.Atoi(m[1])
	if parserError.MatchString(m[2]) {
		// The library's parser counts lines from zero, its scanner from one.
		line = min(line+1, 1+bytes.Count(bytes.TrimRight(text, "\n"), []byte("\n")))
	}
	for _, hint := range syntaxHints {
		if strings.Contains(m[2], hint.problem) {
			if line == 0 {
				line = lineOfMatch(text, regexp.MustCompile(hint.pattern))
			}
			return &Error{Line: line, Message: hint.message}
		}
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

// decoder compares a parsed document with the type of the configuration. It removes the
// nodes that do not match, so that the rest can be decoded and validated. It follows no
// alias: a short document of aliases can expand to a huge one.
type decoder struct {
	file    string
	found   Errors
	skipped []string // the keys of the removed nodes
}

func (d *decoder) addf(key string, n *yaml.Node, format string, args ...any) {
	d.found = append(d.found, Error{File: d.file, Line: n.Line, Key: key, Message: fmt.Sprintf(format, args...)})
}

// checkNode removes what cannot be decoded from a node, and reports whether the rest can be
// decoded into a type.
func (d *decoder) checkNode(key string, n *yaml.Node, t reflect.Type) bool {
	kind := t.Kind()
	isSection, isAny := kind == reflect.Struct || kind == reflect.Map, kind == reflect.Interface
	switch {
	case n.Kind == yaml.AliasNode:
		d.addf(key, n, aliasMessage)
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && !isAny:
		if isSection || kind == reflect.Slice { // empty, or only comments
			return true
		}
		d.addf(key, n, "has no value; write one, or remove the key")
	case n.Kind == yaml.MappingNode && (isSection || isAny):
		d.checkMapping(key, n, t)
		return true
	case n.Kind == yaml.SequenceNode && (kind == reflect.Slice || isAny):
		n.Content = slices.DeleteFunc(n.Content, func(e *yaml.Node) bool { return !d.checkNode(key, e, memberType(t, "")) })
		return true
	case n.Kind == yaml.ScalarNode && decodes(n, t):
		return true
	case kind == reflect.Struct:
		d.addf(key, n, "must be a section with keys among %s", keysOf(t))
	default:
		d.addf(key, n, "must be %s", descriptions[kind])
	}
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
			d.addf(key, name, "unknown key; the keys here are %s", keysOf(t))
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

// memberType returns the type of a member of a section or a list, or nil for an unknown key.
func memberType(t reflect.Type, name string) reflect.Type {
	switch t.Kind() {
	case reflect.Map, reflect.Slice:
		return t.Elem()
	case reflect.Interface:
		return t
	}
	for f := range t.Fields() {
		if f.Tag.Get("yaml") == name {
			return f.Type
		}
	}
	return nil
}

// keysOf returns the keys of a section, as a list to print.
func keysOf(section reflect.Type) string {
	var keys []string
	for f := range section.Fields() {
		keys = append(keys, f.Tag.Get("yaml"))
	}
	return strings.Join(keys, ", ")
}

// decodes reports whether a scalar can be decoded into a type. The library decodes 1.5 into
// an int as 1.
func decodes(n *yaml.Node, t reflect.Type) bool {
	return (t.Kind() != reflect.Int || n.ShortTag() == "!!int") && n.Decode(reflect.New(t).Interface()) == nil
}

var descriptions = map[reflect.Kind]string{
	reflect.Map:    "a section of names and values, such as {name: value}",
	reflect.Slice:  "a list, such as [one, another]",
	reflect.Bool:   "true or false",
	reflect.Int:    "a whole number",
	reflect.Int64:  "a duration, such as 15s, 5m or 1h30m",
	reflect.String: "text",
}
