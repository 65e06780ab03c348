package explain

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
)

// maxRequest limits the text of a request, in bytes.
const maxRequest = 1 << 20

var (
	emptyLine   = regexp.MustCompile(`\r?\n\r?\n`) // the end of the head
	requestLine = regexp.MustCompile(`^[^ ]+ (/|https?://|\*)[^ ]* HTTP/1\.1$`)
	field       = regexp.MustCompile("^[\\w!#$%&'*+.^`|~-]+:")
)

// readRequest reads the text of a request to its end.
func readRequest(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxRequest+1))
	if err != nil {
		return "", fmt.Errorf("explain: cannot read standard input: %w", err)
	}
	switch len(text) {
	case maxRequest + 1:
		return "", errors.New("explain: the request is longer than 1 MiB")
	case 0:
		return "", errors.New("explain: standard input is empty; write one HTTP request to it: oauthgw explain < request.txt")
	}
	return string(text), nil
}

// parseRequest parses the text of a request as a person or a tool wrote it down: lines may
// end in LF alone, and Content-Length may be missing or wrong. Errors name a line and do not
// quote it.
func parseRequest(text string) (*http.Request, error) {
	body := ""
	if end := emptyLine.FindStringIndex(text); end != nil {
		text, body = text[:end[0]], text[end[1]:]
	}
	head := strings.Split(strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
	if err := checkHead(head); err != nil {
		return nil, err
	}
	head, body = frame(head, body)
	wire := strings.Join(head, "\r\n") + "\r\n\r\n" + body
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
	if err != nil {
		return nil, errors.New("explain: the request is not HTTP/1.1; look for an invalid method, path or character")
	}
	return r, nil
}

// checkHead returns an error for the first malformed line.
func checkHead(head []string) error {
	if !requestLine.MatchString(head[0]) {
		return errors.New("explain: line 1 is not a request line; start with method, path and version, such as POST /oauth2/tokens HTTP/1.1")
	}
	hosts := 0
	for i, line := range head[1:] {
		name, ok := fieldName(line)
		switch {
		case !ok:
			return fmt.Errorf("explain: line %d is not a header field; write a name, a colon and a value on one line, and the body after an empty line", i+2)
		case name == "Transfer-Encoding":
			return fmt.Errorf("explain: line %d is Transfer-Encoding; remove it, and write the body without chunks", i+2)
		case name == "Host":
			hosts++
		}
	}
	if hosts != 1 { // RFC 9112 section 3.2
		return fmt.Errorf("explain: the request has %d Host fields; HTTP/1.1 requires one, such as Host: login.example.com", hosts)
	}
	return nil
}

// fieldName returns the canonical name of a header field, and whether the line is one.
func fieldName(line string) (string, bool) {
	name, _, _ := strings.Cut(line, ":")
	return textproto.CanonicalMIMEHeaderKey(name), field.MatchString(line)
}

// frame makes Content-Length that of the body that follows. Line ends that an editor adds to
// a file are not part of the body, unless Content-Length includes them.
func frame(head []string, body string) (framed []string, content string) {
	content = strings.TrimRight(body, "\r\n")
	for _, line := range head {
		if name, _ := fieldName(line); name != "Content-Length" {
			framed = append(framed, line)
		} else if _, length, _ := strings.Cut(line, ":"); strings.TrimSpace(length) == strconv.Itoa(len(body)) {
			content = body
		}
	}
	return append(framed, "Content-Length: "+strconv.Itoa(len(content))), content
}
