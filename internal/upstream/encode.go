package upstream

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

var (
	errStart = errors.New("method, target or host of the request is invalid")
	errBody  = errors.New("request body does not have its stated length")
)

// unsent are the fields of a header that are not sent, or not with the others.
var unsent = []string{"Host", "User-Agent", "Content-Length", "Transfer-Encoding", "Trailer"}

var newlineToSpace = strings.NewReplacer("\n", " ", "\r", " ")

// encode returns the bytes of a request, as [http.Request.Write] sends them, and closes its body.
// Close, TransferEncoding and Trailer have no effect. The bytes include secrets, and a buffer that
// grows leaves copies of them in memory. Therefore its size is computed first.
func encode(r *http.Request) ([]byte, error) {
	body, length := r.Body, r.ContentLength
	if body == nil || body == http.NoBody {
		body, length = http.NoBody, 0
	}
	defer func() { _ = body.Close() }()
	method, host, target := cmp.Or(r.Method, http.MethodGet), cmp.Or(r.Host, r.URL.Host), r.URL.RequestURI()
	switch {
	case !isToken(method), !consistsOf(host, "!$%&'()*+,-.:;=[]_~"), strings.ContainsFunc(target, isSpaceOrControl):
		return nil, errStart
	case length < 0:
		return nil, errBody
	}
	parts := append(make([]string, 0, 96), method, " ", target, " HTTP/1.1\r\nHost: ", withoutZone(host), "\r\n")
	if agent, ok := r.Header["User-Agent"]; !ok {
		parts = append(parts, "User-Agent: Go-http-client/1.1\r\n")
	} else if len(agent) > 0 && agent[0] != "" {
		parts = append(parts, "User-Agent: ", fieldValue(agent[0]), "\r\n")
	}
	if length > 0 || method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch {
		parts = append(parts, "Content-Length: ", strconv.FormatInt(length, 10), "\r\n")
	}
	parts = append(appendFields(parts, r.Header), "\r\n")
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	message := make([]byte, size+int(length))
	if err := readBody(body, message[size:], message[:1]); err != nil {
		clear(message)
		return nil, err
	}
	end := 0
	for _, part := range parts {
		end += copy(message[end:], part)
	}
	return message, nil
}

// appendFields appends the fields of a header in the order of their names. It skips invalid names.
func appendFields(parts []string, header http.Header) []string {
	names := make([]string, 0, 32)
	for name := range header {
		if isToken(name) && !slices.ContainsFunc(unsent, func(other string) bool { return strings.EqualFold(name, other) }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range header[name] {
			parts = append(parts, name, ": ", fieldValue(value), "\r\n")
		}
	}
	return parts
}

// fieldValue returns a value that cannot end its field.
func fieldValue(value string) string { return textproto.TrimString(newlineToSpace.Replace(value)) }

// readBody fills text with a body, which must end there. Spare has space for one byte.
func readBody(body io.Reader, text, spare []byte) error {
	if _, err := io.ReadFull(body, text); err != nil {
		return errors.Join(errBody, err)
	}
	if _, err := io.ReadFull(body, spare); err != io.EOF {
		return errors.Join(errBody, err)
	}
	return nil
}

// withoutZone returns a host without the zone of an IPv6 address, which is local (RFC 6874 section 4).
func withoutZone(host string) string {
	end := strings.LastIndexByte(host, ']')
	start := strings.LastIndexByte(host[:max(end, 0)], '%')
	if start < 0 || host[0] != '[' {
		return host
	}
	return host[:start] + host[end:]
}

func isSpaceOrControl(c rune) bool { return c <= ' ' || c == 0x7f }

// isToken reports whether a text is a token (RFC 9110 section 5.6.2).
func isToken(text string) bool { return text != "" && consistsOf(text, "!#$%&'*+-.^_`|~") }

// consistsOf reports whether a text has only ASCII letters, digits and the other characters.
func consistsOf(text, others string) bool {
	for i := range len(text) {
		c := text[i]
		isLetter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !isLetter && (c < '0' || c > '9') && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return true
}
