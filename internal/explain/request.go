package explain

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

	"oauthgw/internal/connlimit"
)

// maxRequest limits the text of a request, in bytes.
const maxRequest = 1 << 20

// readRequest reads the text of a request to its end, or returns when ctx ends.
func readRequest(ctx context.Context, r io.Reader) ([]byte, error) {
	type input struct {
		text []byte
		err  error
	}
	read := make(chan input, 1)
	go func() {
		text, err := io.ReadAll(io.LimitReader(r, maxRequest+1))
		read <- input{text, err}
	}()
	select {
	case <-ctx.Done():
		return nil, errors.New("explain: interrupted before the request ended")
	case in := <-read:
		switch {
		case in.err != nil:
			return nil, fmt.Errorf("explain: reading standard input: %w", in.err)
		case len(in.text) > maxRequest:
			return nil, errors.New("explain: the request is longer than 1 MiB")
		case len(in.text) == 0:
			return nil, errors.New("explain: standard input is empty; write one HTTP request to it: oauthgw explain < request.txt")
		}
		return in.text, nil
	}
}

// parseRequest parses the text of a request as a person or a tool wrote it down: lines may
// end in LF alone, and Content-Length may be missing or wrong. The remark says what was
// corrected. Errors name a line and do not quote it.
func parseRequest(text []byte) (r *http.Request, remark string, err error) {
	head, body := splitHead(string(text))
	if err := checkHead(head); err != nil {
		return nil, "", err
	}
	head, body, remark = setContentLength(head, body)
	wire := strings.Join(head, "\r\n") + "\r\n\r\n" + body
	r, err = http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
	if err != nil {
		return nil, "", errors.New("explain: the request is not HTTP/1.1; look for an invalid method and for a Transfer-Encoding other than chunked")
	}
	whole, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, "", errors.New("explain: Transfer-Encoding is chunked and the body has no chunks; remove that field if the body was written down without them")
	}
	r.Body = io.NopCloser(bytes.NewReader(whole))
	return r, remark, nil
}

// splitHead splits a message at its first empty line, and what is in front of it into lines.
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

// checkHead returns an error for the first malformed line.
func checkHead(head []string) error {
	if len(head) == 0 {
		return errors.New("explain: line 1 is empty; start with the request line, such as POST /oauth2/tokens HTTP/1.1")
	}
	words := strings.Split(head[0], " ")
	if len(words) != 3 || !strings.HasPrefix(words[2], "HTTP/") {
		return errors.New("explain: line 1 is not a request line; start with method, path and version, such as POST /oauth2/tokens HTTP/1.1")
	}
	if words[2] != "HTTP/1.1" {
		return errors.New("explain: line 1 has another version than HTTP/1.1; write HTTP/1.1")
	}
	if _, err := url.ParseRequestURI(words[1]); err != nil {
		return errors.New("explain: line 1 has an invalid request target; write a path such as /oauth2/tokens")
	}
	hosts := 0
	for i, line := range head[1:] {
		if !isField(line) {
			return fmt.Errorf("explain: line %d is not a header field; write a name, a colon and a value on one line, and the body after an empty line", i+2)
		}
		if fieldName(line) == "Host" {
			hosts++
		}
	}
	if fields := len(head) - 1; fields > connlimit.MaxHeaderFields {
		return fmt.Errorf("explain: the request has %d header fields; the gateway answers 431 to more than %d", fields, connlimit.MaxHeaderFields)
	}
	if hosts != 1 { // RFC 9112 section 3.2
		return fmt.Errorf("explain: the request has %d Host fields; HTTP/1.1 requires one, such as Host: login.example.com", hosts)
	}
	return nil
}

// isField reports whether a line is a header field. The server also refuses a space in the
// name.
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

// setContentLength makes Content-Length that of the body that follows. Line ends that an
// editor adds to a file are not part of the body, unless Content-Length includes them.
func setContentLength(head []string, body string) (framed []string, content, remark string) {
	stated := ""
	for _, line := range head {
		switch fieldName(line) {
		case "Transfer-Encoding":
			return head, normalizeChunks(body), ""
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
		remark = "is wrong; the " + length + " bytes after the empty line are used"
	}
	if stated != "" || content != "" {
		framed = append(framed, "Content-Length: "+length)
	}
	return framed, content, remark
}

// normalizeChunks gives the lines of a chunked body the line ends of HTTP.
func normalizeChunks(body string) string {
	if !strings.Contains(body, "\r\n") {
		body = strings.ReplaceAll(body, "\n", "\r\n")
	}
	return strings.TrimRight(body, "\r\n") + "\r\n\r\n"
}
