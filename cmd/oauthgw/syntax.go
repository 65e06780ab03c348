package main

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// parseOne parses a file that holds one document, or only comments. Of a mistake
// it tells all but the file.
func parseOne(text []byte, root *yaml.Node) *mistake {
	d := yaml.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(root); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		return syntaxMistake(text, err)
	}
	var next yaml.Node
	switch err := d.Decode(&next); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return syntaxMistake(text, err)
	}
	return &mistake{Line: next.Line, Message: "begins another document; the file must hold one, without --- between its lines"}
}

// syntaxMistake tells in which line a text is no YAML, and why.
func syntaxMistake(text []byte, err error) *mistake {
	line, problem := problemOf(err)
	if better := lineOfProblem(text, problem); better > 0 {
		line = better
	}
	// To the library a carriage return ends a line too, so that it may count more.
	if lines := bytes.Split(text, []byte("\n")); line > 0 && line <= len(lines) && indentedByTab(lines[line-1]) {
		return &mistake{Line: line, Message: "is indented by a tab; YAML is indented by spaces"}
	}
	for _, known := range syntaxProblems {
		if strings.Contains(problem, known.problem) {
			return &mistake{Line: line, Message: known.message}
		}
	}
	return &mistake{Line: line, Message: "is no YAML: " + problem}
}

// lineOfProblem returns the first line from which on a text has a problem. For
// many the library names the line before it, or none; that the lines up to there
// do not have it is a better witness. Zero means that the text is too long to ask
// it line by line.
func lineOfProblem(text []byte, problem string) int {
	lines := bytes.SplitAfter(bytes.TrimRight(text, "\n"), []byte("\n"))
	const patience = 64 << 20 // octets to parse, which take less than a second
	if len(lines)*len(text)/2 > patience {
		return 0
	}
	for n := len(lines); n > 0; n-- {
		if _, before := problemOf(firstProblem(bytes.Join(lines[:n-1], nil))); before != problem {
			return n
		}
	}
	return 0
}

// firstProblem parses every document of a text.
func firstProblem(text []byte) error {
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
		if err := d.Decode(new(yaml.Node)); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

var libraryWords = regexp.MustCompile(`(?s)^yaml: (?:line (\d+): )?(.*)$`)

// problemOf returns the line that the library names, or zero, and its words for
// what is wrong.
func problemOf(err error) (line int, problem string) {
	if err == nil {
		return 0, ""
	}
	m := libraryWords.FindStringSubmatch(err.Error())
	if m == nil {
		return 0, err.Error()
	}
	line, _ = strconv.Atoi(m[1]) // none is zero
	return line, m[2]
}

func indentedByTab(line []byte) bool {
	indentation := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]
	return bytes.ContainsRune(indentation, '\t')
}

// syntaxProblems say of what the library finds what to do about it.
var syntaxProblems = []struct{ problem, message string }{
	{"mapping values are not allowed", "has a colon where none can be: put a text that holds a colon and a space in quotes, and indent the keys of a section alike"},
	{"cannot start any token", "has a text that begins with a character of YAML's own; put it in quotes"},
	{"expected alphabetic or numeric", "has a text that begins with * or &; put it in quotes"},
	{"expected ',' or", "has a bracket that is not closed, or lacks a comma within brackets"},
	{"unexpected end of stream", "has a quotation mark that is not closed"},
	{"could not find expected ':'", "lacks a colon: write a key and its value as key: value"},
	{"did not find expected key", "holds no key where one is expected: indent the keys of a section alike, and close each bracket once"},
	{"did not find expected node content", "lacks a value, or has one that begins with a character of YAML's own; put that in quotes"},
	{"control characters are not allowed", "holds a control character; a configuration is text in UTF-8"},
	{"UTF-8", "holds octets that are not UTF-8; a configuration is text in UTF-8"},
	{"unknown anchor", aliasMessage},
}

const aliasMessage = "an alias (*name) is not read; write the value itself, or in quotes if it begins with *"
