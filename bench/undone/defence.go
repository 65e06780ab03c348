package main

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"
)

// list is what is undone. Each defence is a head, file and test, and a change as
// diff writes it: whole lines, with "-" before those that are the defence, "+"
// before those that stand there when it is undone, and a space before those around
// it. An empty line between them is one of those.
//
//go:embed defences.txt
var list string

// defence is a piece of the source without which an attack or a failure would get
// through.
type defence struct {
	name string
	// file is where it is, and before and after what it reads there with the
	// defence and without.
	file, before, after string
	// directory is that of the package whose test has to fail.
	directory string
	// test is a name, or names of tests within tests, with slashes between them.
	test string
}

// String is the line of a defence.
func (d defence) String() string { return d.name + ": " + d.directory + " " + d.test }

// parse reads a list. Its errors name the defence that is not complete.
func parse(text string) ([]defence, error) {
	var all []defence
	_, text, found := strings.Cut("\n"+text, "\n# ")
	for found {
		var part string
		part, text, found = strings.Cut(text, "\n# ")
		d, err := parseOne(strings.TrimRight(part, "\n"))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.name, err)
		}
		all = append(all, d)
	}
	return all, nil
}

func parseOne(part string) (defence, error) {
	lines := strings.Split(part, "\n")
	d := defence{name: lines[0]}
	if len(lines) < 4 {
		return d, errors.New("needs a file, a test and a change")
	}
	d.file = lines[1]
	var ok bool
	if d.directory, d.test, ok = strings.Cut(lines[2], " "); !ok {
		return d, errors.New("needs the directory of a package and a test, with a space between them")
	}
	for _, line := range lines[3:] {
		sign, rest := " ", ""
		if line != "" {
			sign, rest = line[:1], line[1:]
		}
		if !strings.Contains(" -+", sign) {
			return d, fmt.Errorf("%q has no sign before it", line)
		}
		if sign != "+" {
			d.before += rest + "\n"
		}
		if sign != "-" {
			d.after += rest + "\n"
		}
	}
	if d.before == d.after {
		return d, errors.New("changes nothing")
	}
	return d, nil
}

// undo returns a file's text without the defence. The error says that it is not
// there, or more than once.
func (d defence) undo(text string) (string, error) {
	text = "\n" + text
	at := strings.Index(text, "\n"+d.before)
	if at < 0 || at != strings.LastIndex(text, "\n"+d.before) {
		return "", fmt.Errorf("%s has to hold this, and once:\n%s", d.file, d.before)
	}
	return (text[:at] + "\n" + d.after + text[at+1+len(d.before):])[1:], nil
}

// pattern returns what -test.run takes for the test and nothing else.
func (d defence) pattern() string {
	return "^" + strings.ReplaceAll(d.test, "/", "$/^") + "$"
}
