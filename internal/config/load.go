package config

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Load reads a file over the defaults, applies overrides, which are values by key, and
// validates the result. An empty name means no file. The error is of type [Errors].
// Settings.LogJSON is always set, Settings.Files whenever the file could be parsed.
func Load(file string, overrides map[string]string) (Settings, error) {
	v := &validator{file: file, overrides: overrides, lines: map[string]int{}}
	c, ok := v.read()
	if !ok { // the format of the log is that of the flag or the default
		return Settings{LogJSON: cmp.Or(overrides["log.format"], c.Log.Format) == "json"}, v.err()
	}
	fields := map[string]*string{
		"upstream.url": &c.Upstream.URL, "listen": &c.Listen, "admin.listen": &c.Admin.Listen,
		"log.level": &c.Log.Level, "log.format": &c.Log.Format,
	}
	for key, value := range overrides {
		*fields[key] = value
	}
	return v.settings(c), v.err()
}

// Validate returns the settings of a configuration, or its [Errors].
func (c Config) Validate() (Settings, error) {
	v := &validator{}
	return v.settings(c), v.err()
}

// read reads the file over the defaults, and reports whether the result can be validated.
func (v *validator) read() (c Config, ok bool) {
	c = Default()
	if v.file == "" {
		return c, true
	}
	text, err := readFile(v.file)
	switch {
	case err != nil:
		v.addAt(0, "", "cannot be read: %s", err)
		return c, false
	case len(bytes.TrimSpace(text)) == 0: // perhaps an editor is writing it
		v.addAt(0, "", "is empty; a configuration holds at least upstream: {url: ORIGIN}, or a comment")
		return c, false
	}
	root, ok := v.parseDocument(text)
	if !ok || root.IsZero() { // only comments
		return c, ok
	}
	if !v.checkNode("", root.Content[0], reflect.TypeFor[Config]()) {
		return c, false
	}
	if err = root.Decode(&c); err != nil {
		v.addAt(0, "", "is not valid: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	return c, err == nil
}

// parseDocument parses a text that holds one YAML document, or only comments.
func (v *validator) parseDocument(text []byte) (root yaml.Node, ok bool) {
	d := yaml.NewDecoder(bytes.NewReader(text))
	var next yaml.Node
	err := d.Decode(&root)
	if err == nil {
		err = d.Decode(&next)
	}
	switch {
	case err == nil:
		v.addAt(next.Line, "", "begins another document; the file must hold one, without --- between its lines")
	case errors.Is(err, io.EOF):
		return root, true
	default:
		v.addSyntaxError(text, err.Error())
	}
	return root, false
}

var (
	yamlError   = regexp.MustCompile(`(?s)^(?:yaml: )?(?:line (\d+): )?(.*)$`)
	parserError = regexp.MustCompile(`^did not find expected (key|',' or|node content|<)`)
	variable    = regexp.MustCompile(`\$[{(]?[A-Za-z_]`)
)

func (v *validator) addSyntaxError(text []byte, problem string) {
	m := yamlError.FindStringSubmatch(problem)
	line, _ := strconv.Atoi(m[1])
	if parserError.MatchString(m[2]) {
		// The library's parser counts lines from zero, its scanner from one.
		line = min(line+1, 1+bytes.Count(bytes.TrimRight(text, "\n"), []byte("\n")))
	}
	if strings.Contains(m[2], "cannot start any token") {
		m[2] += "; indent by spaces and not by tabs, and quote a value that begins with a reserved character"
	}
	// A CR alone ends a line too (YAML 1.2 section 5.4).
	if lines := strings.Split(string(text), "\n"); variable.MatchString(lines[min(max(line, 1), len(lines))-1]) {
		m[2] += noVariables
	}
	v.addAt(line, "", "is not YAML: %s", m[2])
}

// checkNode removes the parts of a node that do not match a type and reports whether the rest
// can be decoded. It follows no alias: a few of them can expand to a huge document.
func (v *validator) checkNode(key string, n *yaml.Node, t reflect.Type) bool {
	kind := t.Kind()
	isSection, isAny := kind == reflect.Struct || kind == reflect.Map, kind == reflect.Interface
	if n.Kind == yaml.ScalarNode && variable.MatchString(n.Value) {
		v.variables = append(v.variables, key)
	}
	switch {
	case n.Kind == yaml.AliasNode:
		v.addAt(n.Line, key, "aliases (*name) are not supported; write the value itself, or quote it if it begins with *")
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" && !isAny:
		if isSection || kind == reflect.Slice { // empty, or only comments
			return true
		}
		v.addAt(n.Line, key, "has no value; write one, or remove the key")
	case n.Kind == yaml.MappingNode && (isSection || isAny):
		v.checkMapping(key, n, t)
		return true
	case n.Kind == yaml.SequenceNode && (kind == reflect.Slice || isAny):
		v.checkList(key, n, memberType(t, ""))
		return true
	case n.Kind == yaml.ScalarNode && decodes(n, t):
		return true
	default:
		v.addAt(n.Line, key, "must be %s", descriptions[kind])
	}
	return false
}

// checkList checks the elements of a list. Sections in it have keys with their positions.
func (v *validator) checkList(list string, n *yaml.Node, t reflect.Type) {
	i := 0
	n.Content = slices.DeleteFunc(n.Content, func(e *yaml.Node) bool {
		if t.Kind() != reflect.Struct {
			return !v.checkNode(list, e, t)
		}
		key := position(list, i)
		v.lines[key] = e.Line
		if !v.checkNode(key, e, t) {
			*e = yaml.Node{Kind: yaml.MappingNode} // the others keep their positions
		}
		i++
		return false
	})
}

func (v *validator) checkMapping(section string, n *yaml.Node, t reflect.Type) {
	first := map[string]int{} // line, by name
	var kept []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		key := strings.TrimPrefix(section+"."+name.Value, ".")
		valueType := memberType(t, name.Value)
		switch {
		case name.Kind != yaml.ScalarNode || !decodes(name, reflect.TypeFor[string]()):
			v.addAt(name.Line, section, "has a key that is not text; write a name and a colon")
			continue
		case name.ShortTag() == "!!merge":
			v.addAt(name.Line, key, "merge keys are not supported; write the keys themselves")
		case first[name.Value] > 0:
			v.addAt(name.Line, key, "repeats the key of line %d; remove one", first[name.Value])
			continue
		case valueType == nil:
			v.addAt(name.Line, key, "unknown key; the keys here are %s", keysOf(t))
		case v.checkNode(key, value, valueType):
			kept = append(kept, name, value)
		}
		first[name.Value], v.lines[key] = name.Line, name.Line
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

func keysOf(section reflect.Type) string {
	var keys []string
	for f := range section.Fields() {
		keys = append(keys, f.Tag.Get("yaml"))
	}
	return strings.Join(keys, ", ")
}

// decodes reports whether a scalar fits a type. The library decodes 1.5 into an int as 1.
func decodes(n *yaml.Node, t reflect.Type) bool {
	return (t.Kind() != reflect.Int || n.ShortTag() == "!!int") && n.Decode(reflect.New(t).Interface()) == nil
}

var descriptions = map[reflect.Kind]string{
	reflect.Struct: "a section of keys and values",
	reflect.Map:    "a section of names and values, such as {name: value}",
	reflect.Slice:  "a list, such as [one, another]",
	reflect.Bool:   "true or false",
	reflect.Int:    "a whole number, without a unit or quotes",
	reflect.Int64:  "a duration with its unit, such as 15s, 5m or 1h30m",
	reflect.String: "text",
}

// Flags adds the flags of a configuration. The result loads the file and applies the others.
func Flags(set *flag.FlagSet) (load func() (Settings, error)) {
	file := set.String("config.file", "", "the configuration `file`, in YAML")
	overrides := map[string]string{}
	for key, help := range map[string]string{
		"upstream.url": "the provider's `origin`, such as http://127.0.0.1:3000, or unix:/path",
		"listen":       "the `address` for clients, host:port or unix:/path",
		"admin.listen": "the `address` of metrics and health, host:port or unix:/path",
		"log.level":    "the `level`: debug, info, warn or error",
		"log.format":   "the `format`: json or text",
	} {
		set.Func(key, help+"; overrides the configuration file", func(value string) error {
			overrides[key] = value
			return nil
		})
	}
	return func() (Settings, error) {
		if *file == "" && overrides["upstream.url"] == "" {
			return Settings{}, Errors{{Flag: true, Key: "upstream.url",
				Message: "is required: the provider's origin, such as http://127.0.0.1:3000; or name a configuration file with --config.file"}}
		}
		return Load(*file, overrides)
	}
}
