package config

import (
	"slices"
	"strconv"
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
	position, key := e.File, e.Key
	if e.Line > 0 {
		position += ":" + strconv.Itoa(e.Line)
	}
	if e.Flag {
		key = "--" + key
	}
	known := slices.DeleteFunc([]string{position, key, e.Message}, func(part string) bool { return part == "" })
	return printable.Text(strings.Join(known, ": "))
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
