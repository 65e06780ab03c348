package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// source is where a configuration came from, for telling where a mistake is.
type source struct {
	file  string
	root  yaml.Node
	flags map[string]bool // the keys that flags gave
}

// mistakes collects what is wrong with a configuration, so that all of it is
// told at once.
type mistakes struct {
	source *source
	found  []error
}

// add records what is wrong with a key, such as upstream.url.
func (m *mistakes) add(key, format string, args ...any) {
	m.found = append(m.found, fmt.Errorf("%s: "+format, append([]any{m.source.locate(key)}, args...)...))
}

// locate says where a key was given: by a flag, in a line of the file, or
// nowhere, which is the file as a whole.
func (s *source) locate(key string) string {
	if s.flags[key] {
		return "--" + key
	}
	if s.file == "" {
		return key
	}
	if line := lineOf(&s.root, strings.Split(key, ".")); line > 0 {
		return fmt.Sprintf("%s:%d: %s", s.file, line, key)
	}
	return fmt.Sprintf("%s: %s", s.file, key)
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

// readConfig reads a file over the defaults. It returns what could be read
// beside the mistakes, so that the rest can be judged as well. Without a source
// too little could be read for that.
func readConfig(name string) (config, *source, []error) {
	c, s := defaults(), &source{file: name}
	if name == "" {
		return c, s, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return c, nil, []error{err}
	}
	if err := yaml.Unmarshal(text, &s.root); err != nil {
		return c, nil, inFile(name, err)
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil && err != io.EOF {
		// The library leaves out the whole section in which a key is repeated.
		if strings.Contains(err.Error(), "already defined") {
			s = nil
		}
		return c, s, inFile(name, err)
	}
	if err := d.Decode(&yaml.Node{}); err != io.EOF {
		return c, nil, []error{fmt.Errorf("%s: the file holds more than one document", name)}
	}
	return c, s, nil
}

// inFile puts the errors of the YAML library into the form FILE:LINE: reason.
func inFile(name string, err error) []error {
	lines := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	if several := new(yaml.TypeError); errors.As(err, &several) {
		lines = several.Errors
	}
	var found []error
	for _, text := range lines {
		text = unknownKey.ReplaceAllString(text, "unknown key $1")
		if m := lineNumber.FindStringSubmatch(text); m != nil {
			text = m[1] + ": " + m[2]
		} else {
			text = " " + text
		}
		found = append(found, fmt.Errorf("%s:%s", name, text))
	}
	return found
}

var (
	lineNumber = regexp.MustCompile(`(?s)^line (\d+): (.*)$`)
	unknownKey = regexp.MustCompile(`(?s)field (\S+) not found in type .*$`)
)
