package config

import (
	"cmp"
	"fmt"
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

// OfFlags reports whether all errors are of values of flags.
func (l Errors) OfFlags() bool {
	return len(l) > 0 && !slices.ContainsFunc(l, func(e Error) bool { return !e.Flag })
}

// validator collects errors, so that all are reported at once.
type validator struct {
	file      string
	overrides map[string]string // values of flags, by key
	lines     map[string]int    // by key
	variables []string          // keys whose values look like an environment variable
	found     Errors
}

// addAt adds an error at a line of the file. Zero means the whole file.
func (v *validator) addAt(line int, key, format string, args ...any) {
	v.found = append(v.found, Error{File: v.file, Line: line, Key: key, Message: fmt.Sprintf(format, args...) + v.hint(key)})
}

// addf adds an error about a key, such as upstream.url.
func (v *validator) addf(key, format string, args ...any) {
	v.add(Error{Key: key, Message: fmt.Sprintf(format, args...)})
}

// add adds an error with the position of its key or of the innermost section around it.
func (v *validator) add(e Error) {
	if _, e.Flag = v.overrides[e.Key]; !e.Flag {
		e.File = v.file
		for key := e.Key; e.Line == 0 && key != ""; key = key[:max(0, strings.LastIndexAny(key, ".["))] {
			e.Line = v.lines[key]
		}
		e.Message += v.hint(e.Key)
	}
	v.found = append(v.found, e)
}

// position returns the key of a section in a list, such as clients.billing.assertions[1].
func position(list string, i int) string { return list + "[" + strconv.Itoa(i+1) + "]" }

const noVariables = "; variables such as ${NAME} are not expanded, so write the value itself"

func (v *validator) hint(key string) string {
	if slices.Contains(v.variables, key) {
		return noVariables
	}
	return ""
}

func (v *validator) require(ok bool, key, message string) {
	if !ok {
		v.addf(key, "%s", message)
	}
}

// err returns the sorted errors, or nil. Each is there once, also if several values on a line cause it.
func (v *validator) err() error {
	if len(v.found) == 0 {
		return nil
	}
	slices.SortStableFunc(v.found, func(a, b Error) int { return cmp.Or(a.Line-b.Line, strings.Compare(a.Key, b.Key)) })
	return slices.CompactFunc(v.found, func(a, b Error) bool { return a.Error() == b.Error() })
}
