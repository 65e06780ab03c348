package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// request is one of those that reached the provider.
type request struct {
	line   string
	fields map[string][]string // by name in lower case
	whole  bool                // with its body to the end
}

// strict reads what a well-behaved HTTP/1.1 client sent over a connection, up to
// where it broke off, and refuses everything else (RFC 9112).
func strict(stream string) (read []request, err error) {
	for stream != "" {
		text, rest, ended := strings.Cut(stream, "\r\n\r\n")
		if !ended {
			return read, nil // broken off within the fields
		}
		r, err := strictHead(text)
		if err != nil {
			return read, err
		}
		stream, r.whole, err = strictBody(r, rest)
		if read = append(read, r); err != nil || !r.whole {
			return read, err
		}
	}
	return read, nil
}

var (
	// A path and a query are sent byte for byte as they came, so they may hold bytes
	// beyond ASCII.
	requestLine = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+ (?:/[\\x21-\\x7e\\x80-\\xff]*|\\*) HTTP/1\\.1$")
	fieldLine   = regexp.MustCompile(`^([!#$%&'*+.^_` + "`" + `|~0-9A-Za-z-]+):[ \t]*((?:[\x20-\x7e\t\x80-\xff])*)$`)
	digits      = regexp.MustCompile(`^[0-9]{1,18}$`)
	chunkSize   = regexp.MustCompile(`^[0-9a-fA-F]{1,15}$`)
)

func strictHead(text string) (request, error) {
	lines := strings.Split(text, "\r\n")
	r := request{line: lines[0], fields: map[string][]string{}}
	if !requestLine.MatchString(latin1(r.line)) {
		return r, fmt.Errorf("the request line is not well-formed: %q", r.line)
	}
	for _, line := range lines[1:] {
		m := fieldLine.FindStringSubmatch(latin1(line))
		if m == nil {
			return r, fmt.Errorf("a field is not well-formed: %q", line)
		}
		name := strings.ToLower(m[1])
		r.fields[name] = append(r.fields[name], strings.Trim(m[2], " \t"))
	}
	return r, r.framed()
}

// framed says what leaves a doubt about where the request ends, or whom it is for.
func (r request) framed() error {
	lengths, codings := r.fields["content-length"], r.fields["transfer-encoding"]
	switch {
	case len(r.fields["host"]) != 1:
		return fmt.Errorf("%d hosts", len(r.fields["host"]))
	case len(lengths)+len(codings) > 1:
		return fmt.Errorf("the lengths %q and the transfer codings %q", lengths, codings)
	case len(lengths) == 1 && !digits.MatchString(lengths[0]):
		return fmt.Errorf("the length %q", lengths[0])
	case len(codings) == 1 && codings[0] != "chunked":
		return fmt.Errorf("the transfer coding %q", codings[0])
	}
	return nil
}

// strictBody returns what follows a request's body, and whether it is there to its
// end.
func strictBody(r request, text string) (rest string, whole bool, err error) {
	if r.fields["transfer-encoding"] != nil {
		return strictChunks(text)
	}
	length := 0
	if given := r.fields["content-length"]; given != nil {
		length, err = strconv.Atoi(given[0])
	}
	if err != nil || len(text) < length {
		return "", false, err
	}
	return text[length:], true, nil
}

func strictChunks(text string) (rest string, whole bool, err error) {
	for {
		line, after, ended := strings.Cut(text, "\r\n")
		if !ended {
			return "", false, nil
		}
		if !chunkSize.MatchString(line) {
			return "", false, fmt.Errorf("the chunk size %q", line)
		}
		size, err := strconv.ParseInt(line, 16, 64)
		if err != nil {
			return "", false, err
		}
		if size == 0 {
			return strictTrailer(after)
		}
		if int64(len(after)) < size+2 {
			return "", false, nil
		}
		if after[size:size+2] != "\r\n" {
			return "", false, fmt.Errorf("a chunk of %d octets that does not end there", size)
		}
		text = after[size+2:]
	}
}

func strictTrailer(text string) (rest string, whole bool, err error) {
	for {
		line, after, ended := strings.Cut(text, "\r\n")
		if !ended || line == "" {
			return after, ended, nil
		}
		if !fieldLine.MatchString(latin1(line)) {
			return "", false, fmt.Errorf("a trailer field is not well-formed: %q", line)
		}
		text = after
	}
}

// latin1 makes every octet a character, so that expressions can name it.
func latin1(octets string) string {
	var b strings.Builder
	for i := range len(octets) {
		b.WriteRune(rune(octets[i]))
	}
	return b.String()
}
