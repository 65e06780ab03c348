package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"oauthgw/internal/printable"
)

// Error is one error of a configuration. oauthgw check prints its JSON.
type Error struct {
	File    string   `json:"file,omitempty"`    // empty: not in the configuration file
	Line    int      `json:"line,omitempty"`    // from 1; zero: the whole file
	Flag    bool     `json:"flag,omitempty"`    // the flag of that name gave the value of Key
	Key     string   `json:"key,omitempty"`     // in full, such as upstream.url; empty: no key
	Message string   `json:"message"`           // what is wrong and what to write instead
	Allowed []string `json:"allowed,omitempty"` // the words that can be written, if they are few
}

// Error returns FILE:LINE: KEY: MESSAGE on one line, without the parts that are unknown.
func (e Error) Error() string {
	var parts []string
	switch {
	case e.Flag:
		return printable.Text("--" + e.Key + ": " + e.Message)
	case e.File != "" && e.Line > 0:
		parts = append(parts, fmt.Sprintf("%s:%d", e.File, e.Line))
	case e.File != "":
		parts = append(parts, e.File)
	}
	if e.Key != "" {
		parts = append(parts, e.Key)
	}
	return printable.Text(strings.Join(append(parts, e.Message), ": "))
}

// Errors are all errors of a configuration, by line and key.
type Errors []Error

// Error returns a line for each error.
func (l Errors) Error() string {
	lines := make([]string, len(l))
	for i, e := range l {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// err returns the list by line and key, or nil if it is empty. A list of values on one line
// can have the same error many times.
func (l Errors) err() error {
	if len(l) == 0 {
		return nil
	}
	slices.SortStableFunc(l, func(a, b Error) int { return cmp.Or(a.Line-b.Line, strings.Compare(a.Key, b.Key)) })
	return slices.CompactFunc(l, func(a, b Error) bool { return a.Error() == b.Error() })
}
