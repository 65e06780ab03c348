package config

import (
	"fmt"
	"strings"

	"oauthgw/internal/printable"
)

// Error is one thing that is wrong with a configuration. Its JSON is what
// oauthgw check prints.
type Error struct {
	// File is the configuration file. Empty means that none is to blame.
	File string `json:"file,omitempty"`
	// Line counts from 1. Zero means the file as a whole.
	Line int `json:"line,omitempty"`
	// Flag tells that Key was given by the flag of that name.
	Flag bool `json:"flag,omitempty"`
	// Key is the key in full, such as upstream.url. Empty means that it is about
	// none.
	Key string `json:"key,omitempty"`
	// Message tells what is wrong and what to write instead.
	Message string `json:"message"`
	// Allowed are the words that can be written instead, if they are few.
	Allowed []string `json:"allowed,omitempty"`
}

// Error implements [error]: FILE:LINE: KEY: MESSAGE, without what is not known.
func (m Error) Error() string {
	var parts []string
	switch {
	case m.Flag:
		return printable.Text("--" + m.Key + ": " + m.Message)
	case m.File != "" && m.Line > 0:
		parts = append(parts, fmt.Sprintf("%s:%d", m.File, m.Line))
	case m.File != "":
		parts = append(parts, m.File)
	}
	if m.Key != "" {
		parts = append(parts, m.Key)
	}
	// Whatever a file calls a key, a mistake is one line.
	return printable.Text(strings.Join(append(parts, m.Message), ": "))
}

// Errors is everything that is wrong with a configuration, as an error.
type Errors []Error

// Error implements [error]: a line for each.
func (l Errors) Error() string {
	lines := make([]string, len(l))
	for i, m := range l {
		lines[i] = m.Error()
	}
	return strings.Join(lines, "\n")
}

// err returns the list, or nil if there is no mistake in it.
func (l Errors) err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

// validator collects what is wrong with a configuration, so that all of it is
// told at once.
type validator struct {
	positions *positions
	found     Errors
}

// addf records what is wrong with a key, such as upstream.url.
func (m *validator) addf(key, format string, args ...any) {
	m.add(Error{Key: key, Message: fmt.Sprintf(format, args...)})
}

// add records a mistake at the place of its key. What could not be read was told
// then; that it is missing is not told besides.
func (m *validator) add(found Error) {
	found.File, found.Line, found.Flag = m.positions.locate(found.Key)
	if found.Flag || !m.positions.undecodable(found.Key) {
		m.found = append(m.found, found)
	}
}
