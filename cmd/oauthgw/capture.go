package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
)

// maxCapture bounds the text of a request to explain, in bytes.
const maxCapture = 1 << 20

// readCapture reads the text of a request to its end. It does not outlast ctx:
// a terminal may never bring the end.
func readCapture(ctx context.Context, r io.Reader) ([]byte, error) {
	type arrival struct {
		text []byte
		err  error
	}
	arrived := make(chan arrival, 1)
	go func() {
		text, err := io.ReadAll(io.LimitReader(r, maxCapture+1))
		arrived <- arrival{text, err}
	}()
	select {
	case <-ctx.Done():
		return nil, errors.New("explain: interrupted before the request ended")
	case a := <-arrived:
		switch {
		case a.err != nil:
			return nil, fmt.Errorf("explain: reading standard input: %w", a.err)
		case len(a.text) > maxCapture:
			return nil, errors.New("explain: the request is longer than 1 MiB")
		case len(a.text) == 0:
			return nil, errors.New("explain: standard input is empty; write one HTTP request to it: oauthgw explain < request.txt")
		}
		return a.text, nil
	}
}

// parseCapture reads the text of a request, as a person or a tool wrote it
// down: its lines may end in LF alone, and its Content-Length may be missing or
// wrong. The remark says what was taken otherwise than it stands there. The
// errors name a line and never tell what is in it.
func parseCapture(text []byte) (r *http.Request, remark string, err error) {
	head, body := splitHead(string(text))
	if err := checkHead(head); err != nil {
		return nil, "", err
	}
	head, body, remark = frame(head, body)
	wire := strings.Join(head, "\r\n") + "\r\n\r\n" + body
	r, err = http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
	if err != nil {
		return nil, "", errors.New("explain: the request is not HTTP/1.1; look for a method that is no word and for a Transfer-Encoding other than chunked")
	}
	whole, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, "", errors.New("explain: Transfer-Encoding says chunked and the body is not in chunks; if it was written down without them, remove that field")
	}
	r.Body = io.NopCloser(bytes.NewReader(whole))
	return r, remark, nil
}

// splitHead cuts a message at its first empty line, and what is before it into
// lines.
func splitHead(text string) (head []string, body string) {
	for text != "" {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			break
		}
		head = append(head, line)
	}
	return head, text
}

// checkHead finds the line in which a request is not well-formed.
func checkHead(head []string) error {
	if len(head) == 0 {
		return errors.New("explain: line 1 is empty; begin with the request line, such as POST /oauth2/tokens HTTP/1.1")
	}
	words := strings.Split(head[0], " ")
	if len(words) != 3 || !strings.HasPrefix(words[2], "HTTP/") {
		return errors.New("explain: line 1 is no request line; begin with method, path and version, such as POST /oauth2/tokens HTTP/1.1")
	}
	if words[2] != "HTTP/1.1" {
		return errors.New("explain: line 1 has another version than HTTP/1.1; write HTTP/1.1, which the gateway speaks")
	}
	if _, err := url.ParseRequestURI(words[1]); err != nil {
		return errors.New("explain: line 1 has a target that is no path; write one such as /oauth2/tokens")
	}
	hosts := 0
	for i, line := range head[1:] {
		if !isField(line) {
			return fmt.Errorf("explain: line %d is no header field; write a name, a colon and a value in one line, and the body behind an empty line", i+2)
		}
		if fieldName(line) == "Host" {
			hosts++
		}
	}
	if fields := len(head) - 1; fields > mostFields {
		return fmt.Errorf("explain: the request has %d header fields; the gateway answers 431 to more than %d", fields, mostFields)
	}
	// RFC 9112 section 3.2.
	if hosts != 1 {
		return fmt.Errorf("explain: the request has %d Host fields; HTTP/1.1 wants one, such as Host: login.example.com", hosts)
	}
	return nil
}

// isField reports whether a line is a header field. The reader is the one of
// net/http; the server refuses a space in a name, and a field that goes on in
// the next line has no place in a capture.
func isField(line string) bool {
	name, _, _ := strings.Cut(line, ":")
	_, err := textproto.NewReader(bufio.NewReader(strings.NewReader(line + "\r\n\r\n"))).ReadMIMEHeader()
	return err == nil && !strings.ContainsAny(name, " \t")
}

// fieldName returns the name of a field in canonical form.
func fieldName(line string) string {
	name, _, _ := strings.Cut(line, ":")
	return textproto.CanonicalMIMEHeaderKey(name)
}

// frame gives a request the length of the body that follows. What an editor
// leaves at the end of a file is not part of a body, unless the request says so.
func frame(head []string, body string) (framed []string, content, remark string) {
	stated := ""
	for _, line := range head {
		switch fieldName(line) {
		case "Transfer-Encoding":
			return head, chunks(body), ""
		case "Content-Length":
			_, stated, _ = strings.Cut(line, ":")
			stated = strings.TrimSpace(stated)
		default:
			framed = append(framed, line)
		}
	}
	content = body
	if stated != strconv.Itoa(len(body)) {
		content = strings.TrimRight(body, "\r\n")
	}
	length := strconv.Itoa(len(content))
	if stated != "" && stated != length {
		remark = "is wrong; the " + length + " octets behind the empty line are taken"
	}
	if stated != "" || content != "" {
		framed = append(framed, "Content-Length: "+length)
	}
	return framed, content, remark
}

// chunks gives chunks the line ends that they have on the wire.
func chunks(body string) string {
	if !strings.Contains(body, "\r\n") {
		body = strings.ReplaceAll(body, "\n", "\r\n")
	}
	return strings.TrimRight(body, "\r\n") + "\r\n\r\n"
}
