package config

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// positions is where a configuration came from, for telling where a mistake is.
type positions struct {
	file    string
	root    yaml.Node
	skipped []string // the keys whose values could not be decoded

	overrides map[string]string
}

// locate says where a key was given: by a flag, in a line of the file, or
// nowhere, which is the file as a whole.
func (s *positions) locate(key string) (file string, line int, flag bool) {
	if _, ok := s.overrides[key]; ok {
		return "", 0, true
	}
	return s.file, lineOf(&s.root, strings.Split(key, ".")), false
}

// undecodable reports whether a value that could not be read is the key's, or of a
// key around it or within it.
func (s *positions) undecodable(key string) bool {
	return slices.ContainsFunc(s.skipped, func(skipped string) bool {
		return strings.HasPrefix(skipped+".", key+".") || strings.HasPrefix(key+".", skipped+".")
	})
}

// lineOf returns the line of a key, or of the innermost key around it that is
// there. Zero means that not even the outermost is.
func lineOf(n *yaml.Node, keys []string) int {
	if n.Kind == yaml.DocumentNode && len(n.Content) > 0 {
		n = n.Content[0]
	}
	if n.Kind != yaml.MappingNode || len(keys) == 0 {
		return 0
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		// A key may hold dots itself, so that it takes several of the words.
		for taken := 1; taken <= len(keys); taken++ {
			if n.Content[i].Value == strings.Join(keys[:taken], ".") {
				return max(n.Content[i].Line, lineOf(n.Content[i+1], keys[taken:]))
			}
		}
	}
	return 0
}

// Load reads a file over the defaults, puts overrides, which are values by key, over
// the file, and validates the result. Without a file there are only the defaults. The error
// is a mistakeList.
func Load(file string, overrides map[string]string) (Settings, error) {
	c, source, mistakes := readConfig(file)
	if source == nil {
		return Settings{}, mistakes.err()
	}
	source.overrides = overrides
	fields := c.overridable()
	for key, value := range overrides {
		*fields[key] = value
	}
	s, more := c.validate(source)
	mistakes = append(mistakes, more...)
	slices.SortStableFunc(mistakes, func(a, b Error) int { return a.Line - b.Line })
	return s, mistakes.err()
}

// overridable are the keys that can be overridden.
func (c *Config) overridable() map[string]*string {
	return map[string]*string{
		"upstream.url": &c.Upstream.URL, "listen": &c.Listen, "admin.listen": &c.Admin.Listen,
		"log.level": &c.Log.Level, "log.format": &c.Log.Format,
	}
}

// readConfig reads a file over the defaults. It returns what could be read
// beside the mistakes, so that the rest can be judged as well. Without a source
// too little could be read for that.
func readConfig(name string) (Config, *positions, Errors) {
	c, s := Default(), &positions{file: name}
	if name == "" {
		return c, s, nil
	}
	text, wrong := readText(name)
	if wrong != nil {
		return c, nil, Errors{*wrong}
	}
	if wrong := parseDocument(text, &s.root); wrong != nil {
		wrong.File = name
		return c, nil, Errors{*wrong}
	}
	if s.root.IsZero() { // there are comments only
		return c, s, nil
	}
	d := decoder{file: name}
	if !d.checkNode("", s.root.Content[0], reflect.TypeFor[Config]()) {
		return c, nil, d.found
	}
	s.skipped = d.skipped
	// The last word is the library's: what it refuses is not run.
	if err := s.root.Decode(&c); err != nil {
		return c, nil, append(d.found, Error{File: name, Message: "cannot be read: " + strings.TrimPrefix(err.Error(), "yaml: ")})
	}
	return c, s, d.found
}

// readText reads a configuration that is not empty.
func readText(name string) ([]byte, *Error) {
	text, err := readFile(name)
	switch {
	case errors.Is(err, errLargeFile):
		return nil, &Error{File: name, Message: "is larger than 1 MiB, which no configuration is"}
	case err != nil:
		return nil, &Error{File: name, Message: "cannot be read: " + reason(err)}
	case len(bytes.TrimSpace(text)) == 0:
		// Taken for one of defaults only it would, while an editor is just writing
		// it, undo whatever the file said.
		return nil, &Error{File: name, Message: "is empty; a configuration holds at least upstream: {url: ORIGIN}, or a comment"}
	}
	return text, nil
}

// reason returns what the system says of a file, without the name before it.
func reason(err error) string {
	if path := new(os.PathError); errors.As(err, &path) {
		err = path.Err
	}
	return err.Error()
}
