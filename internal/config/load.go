package config

import (
	"bytes"
	"reflect"
	"strings"
)

// Load reads a file over the defaults, applies overrides, which are values by key, and
// validates the result. An empty name means no file. The error is of type [Errors].
// Settings.Files is set whenever the file could be parsed.
func Load(file string, overrides map[string]string) (Settings, error) {
	v := &validator{file: file, overrides: overrides, lines: map[string]int{}}
	c, ok := v.read()
	if !ok {
		return Settings{}, v.err()
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
	case len(bytes.TrimSpace(text)) == 0:
		// An editor may have truncated it to write it.
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
	if err := root.Decode(&c); err != nil {
		v.addAt(0, "", "is not valid: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		return c, false
	}
	return c, true
}
