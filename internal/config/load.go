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

// Load reads a file over the defaults, applies overrides, which are values by key, and
// validates the result. An empty name means no file. The error is of type [Errors].
// Settings.Files is set whenever the file could be parsed.
func Load(file string, overrides map[string]string) (Settings, error) {
	c, p, errs := read(file)
	if p == nil {
		return Settings{}, errs.err()
	}
	p.overrides = overrides
	fields := map[string]*string{
		"upstream.url": &c.Upstream.URL, "listen": &c.Listen, "admin.listen": &c.Admin.Listen,
		"log.level": &c.Log.Level, "log.format": &c.Log.Format,
	}
	for key, value := range overrides {
		*fields[key] = value
	}
	s, more := c.validate(p)
	return s, append(errs, more...).err()
}

// read reads a file over the defaults. Beside errors it returns what could be decoded, so
// that the rest can be validated. The positions are nil if that is too little.
func read(name string) (Config, *positions, Errors) {
	c, p := Default(), &positions{file: name}
	if name == "" {
		return c, p, nil
	}
	text, err := readText(name)
	if err == nil {
		err = parseDocument(text, &p.root)
	}
	if err != nil {
		err.File = name
		return c, nil, Errors{*err}
	}
	if p.root.IsZero() { // only comments
		return c, p, nil
	}
	d := decoder{file: name}
	if !d.checkNode("", p.root.Content[0], reflect.TypeFor[Config]()) {
		return c, nil, d.found
	}
	p.skipped = d.skipped
	if err := p.root.Decode(&c); err != nil {
		return c, nil, append(d.found, Error{File: name, Message: "cannot be read: " + strings.TrimPrefix(err.Error(), "yaml: ")})
	}
	return c, p, d.found
}

// readText reads a file that is not empty: an editor may have truncated an empty one to
// write it, and the defaults would replace its settings.
func readText(name string) ([]byte, *Error) {
	text, err := readFile(name)
	switch {
	case errors.Is(err, errLargeFile):
		return nil, &Error{Message: "is larger than 1 MiB, the most for a configuration"}
	case err != nil:
		return nil, &Error{Message: "cannot be read: " + reason(err)}
	case len(bytes.TrimSpace(text)) == 0:
		return nil, &Error{Message: "is empty; a configuration holds at least upstream: {url: ORIGIN}, or a comment"}
	}
	return text, nil
}

// reason returns an error of the system without the name of the file.
func reason(err error) string {
	if path := new(os.PathError); errors.As(err, &path) {
		err = path.Err
	}
	return err.Error()
}

// positions finds where the value of a key was given.
type positions struct {
	file      string
	root      yaml.Node
	skipped   []string          // keys whose values could not be decoded
	overrides map[string]string // values by key
}

// locate returns the file and the line of a key, or whether a flag gave its value. Line
// zero means the whole file.
func (p *positions) locate(key string) (file string, line int, flag bool) {
	if _, ok := p.overrides[key]; ok {
		return "", 0, true
	}
	return p.file, lineOf(&p.root, strings.Split(key, ".")), false
}

// undecodable reports whether the value of the key, of a section around it, or of a key in
// it could not be decoded.
func (p *positions) undecodable(key string) bool {
	return slices.ContainsFunc(p.skipped, func(skipped string) bool {
		return strings.HasPrefix(skipped+".", key+".") || strings.HasPrefix(key+".", skipped+".")
	})
}

// lineOf returns the line of a key, or of the innermost section around it, or zero.
func lineOf(n *yaml.Node, keys []string) int {
	if n.Kind == yaml.DocumentNode && len(n.Content) > 0 {
		n = n.Content[0]
	}
	if n.Kind != yaml.MappingNode || len(keys) == 0 {
		return 0
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		// A client_id may hold dots.
		for taken := 1; taken <= len(keys); taken++ {
			if n.Content[i].Value == strings.Join(keys[:taken], ".") {
				return max(n.Content[i].Line, lineOf(n.Content[i+1], keys[taken:]))
			}
		}
	}
	return 0
}
