package main

import (
	"regexp"
	"strconv"
	"strings"
)

// lenient is a way in which some servers read what is not well-formed.
type lenient struct {
	lineEnd *regexp.Regexp
	// lengthFirst takes the length where there is a transfer coding beside it.
	lengthFirst bool
}

var (
	atLF = regexp.MustCompile(`\r?\n`)
	// Some take a CR alone for the end of a line.
	atCR = regexp.MustCompile(`\r\n?|\n`)

	// tolerant is how the provider reads.
	tolerant = lenient{lineEnd: atLF}
	lenients = []lenient{tolerant, {atLF, true}, {atCR, false}, {atCR, true}}
)

// requests reads as many as there are, and returns what follows the last whole
// one.
func (l lenient) requests(stream string) (read []request, rest string) {
	for {
		r, after, ok := l.head(stream)
		if !ok {
			return read, stream
		}
		after, r.whole = l.body(r, after)
		if read = append(read, r); !r.whole {
			return read, stream
		}
		stream = after
	}
}

// line returns the first line, and whether it has an end.
func (l lenient) line(text string) (line, rest string, ended bool) {
	at := l.lineEnd.FindStringIndex(text)
	if at == nil {
		return text, "", false
	}
	return text[:at[0]], text[at[1]:], true
}

func (l lenient) head(stream string) (r request, rest string, ok bool) {
	r.fields = map[string][]string{}
	for rest, ok = stream, true; r.line == ""; { // empty lines before it are skipped
		if r.line, rest, ok = l.line(rest); !ok {
			return r, "", false
		}
	}
	for name := ""; ; {
		var line string
		if line, rest, ok = l.line(rest); !ok || line == "" {
			return r, rest, ok
		}
		before, value, _ := strings.Cut(line, ":")
		if folded := strings.TrimLeft(line, " \t") != line && name != ""; folded {
			r.fields[name][len(r.fields[name])-1] += " " + strings.TrimSpace(line)
			continue
		}
		name = strings.ToLower(strings.TrimSpace(before))
		r.fields[name] = append(r.fields[name], strings.TrimSpace(value))
	}
}

func (l lenient) body(r request, text string) (rest string, whole bool) {
	lengths := r.fields["content-length"]
	chunked := strings.Contains(strings.ToLower(strings.Join(r.fields["transfer-encoding"], ",")), "chunked")
	if chunked && (len(lengths) == 0 || !l.lengthFirst) {
		return l.chunks(text)
	}
	if len(lengths) == 0 {
		return text, true
	}
	length, err := strconv.Atoi(lengths[0])
	if err != nil || length < 0 || len(text) < length {
		return "", false
	}
	return text[length:], true
}

func (l lenient) chunks(text string) (rest string, whole bool) {
	for {
		line, after, ended := l.line(text)
		if !ended {
			return "", false
		}
		digits, _, _ := strings.Cut(line, ";")
		size, err := strconv.ParseInt(strings.TrimSpace(digits), 16, 32)
		if err != nil || size < 0 || int64(len(after)) < size {
			return "", false
		}
		if size == 0 {
			return l.trailer(after)
		}
		if _, text, ended = l.line(after[size:]); !ended {
			return "", false
		}
	}
}

func (l lenient) trailer(text string) (rest string, whole bool) {
	for {
		line, after, ended := l.line(text)
		if !ended || line == "" {
			return after, ended
		}
		text = after
	}
}
