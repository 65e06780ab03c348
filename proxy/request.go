package proxy

import (
	"bytes"
	"errors"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"oauthgw/clientauth"
)

const (
	// maxBody bounds a request's body, in bytes. An assertion fits.
	maxBody = 64 << 10
	// bodyTimeout bounds the reading of a body.
	bodyTimeout = 10 * time.Second

	formMediaType = "application/x-www-form-urlencoded"
)

// received is a client's request, read to its end.
type received struct {
	clientauth.Request
	// body is what goes on as it is. Nil if there is a Form.
	body []byte
}

// receive reads a request once, whole and under a cap, for which it takes its share of the
// budget. Own is the endpoint's own query. Its errors are refusals.
func receive(w http.ResponseWriter, r *http.Request, own *clientauth.Form, held *share) (received, error) {
	in := received{Request: clientauth.Request{Header: r.Header}}
	// RFC 6749 section 3.2: the client must use POST.
	if r.Method != http.MethodPost {
		return in, errMethod
	}
	kind, err := kindOf(r.Header)
	if err != nil {
		return in, err
	}
	if in.body, err = readBody(w, r, held); err != nil {
		return in, err
	}
	// Not before: what it holds would wait for the body as well.
	if in.Query, err = parse(r.URL.RawQuery, own); err != nil {
		return in, err
	}
	switch {
	case kind == bodyUnread:
		return in, nil
	case kind == bodyUntyped && !looksLikeForm(in.body):
		return in, errNoMediaType
	}
	in.Form, err = parse(string(in.body), own)
	in.body = nil // the form holds a copy
	return in, err
}

// parse reads the parameters of a request to an endpoint, whose own query is own.
func parse(encoded string, own *clientauth.Form) (*clientauth.Form, error) {
	f, err := clientauth.ParseForm(encoded)
	if err == nil {
		err = f.CheckFormat(own)
	}
	return f, err
}

// bodyKind says how a body is read.
type bodyKind int

const (
	// bodyForm is a form by its media type, as some server in wide use reads it.
	bodyForm bodyKind = iota
	// bodyUntyped has no media type that tells how to read it. Some servers, Rack among
	// them, read it as a form, so it must be one.
	bodyUntyped
	// bodyUnread has another media type and is not opened. Whether it may pass is
	// for the rules of client authentication to say.
	bodyUnread
)

// looksLikeForm reports whether a body consists of pairs whose names hold nothing
// that an encoder escapes. JSON, XML and plain text do not.
func looksLikeForm(body []byte) bool {
	for pair := range bytes.SplitSeq(body, []byte("&")) {
		name, _, isPair := bytes.Cut(pair, []byte("="))
		if len(pair) > 0 && (!isPair || bytes.ContainsFunc(name, isEscaped)) {
			return false
		}
	}
	return true
}

// isEscaped reports whether a form encoder escapes a character. Brackets are left
// out, because [clientauth.ParseForm] has an error of its own for them.
func isEscaped(c rune) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.ContainsRune("-._~*%+[]", c):
		return false
	}
	return true
}

// kindOf returns how the body is read. Header fields that two parsers could take
// for different media types or characters are refused.
func kindOf(h http.Header) (bodyKind, error) {
	types := h["Content-Type"]
	// WSGI and CGI servers read content_type as Content-Type.
	if len(types) > 1 || len(types) == 0 && h["Content_type"] != nil {
		return 0, errMediaType
	}
	kind := bodyUntyped
	if len(types) == 1 {
		var err error
		if kind, err = kindOfType(types[0]); err != nil {
			return 0, err
		}
	}
	if kind != bodyUnread && slices.ContainsFunc(h["Content-Encoding"], func(e string) bool { return !strings.EqualFold(e, "identity") }) {
		return 0, errContentEncoding
	}
	return kind, nil
}

// kindOfType does so for the value of a Content-Type field.
func kindOfType(value string) (bodyKind, error) {
	essence, _, _ := strings.Cut(value, ";")
	essence, _, err := mime.ParseMediaType(essence)
	switch {
	case strings.Contains(essence, "/") && err == nil:
	// A comma joins two media types.
	case strings.Contains(value, ","):
		return 0, errMediaType
	default:
		return bodyUntyped, nil
	}
	_, parameters, err := mime.ParseMediaType(value)
	switch {
	case err != nil:
		return 0, errMediaType
	// Without a boundary no part can be found (RFC 2046 section 5.1.1), and Rack reads
	// the body as a form.
	case strings.HasPrefix(essence, "multipart/") && parameters["boundary"] == "":
		return bodyUntyped, nil
	case !isForm(essence):
		return bodyUnread, nil
	}
	// RFC 6749 appendix B: the character encoding is UTF-8.
	if charset, ok := parameters["charset"]; ok && !isUTF8(charset) {
		return 0, errCharset
	}
	return bodyForm, nil
}

// isForm reports whether some server reads a media type as that of a form. Undertow,
// Tornado and ASP.NET look only at how the name begins, Slim at the suffix, and
// formidable for the word anywhere in it. Flask also knows application/x-url-encoded.
func isForm(essence string) bool {
	return strings.Contains(strings.ReplaceAll(essence, "-", ""), "urlencoded")
}

// readBody reads a body to its end, so that no part of a request is sent on
// before the whole has arrived. It takes its share of the budget for what it holds.
func readBody(w http.ResponseWriter, r *http.Request, held *share) ([]byte, error) {
	switch {
	case r.ContentLength > maxBody:
		return nil, errLargeBody
	// RFC 1945 section 8.3: such a POST without a length is a bad request.
	// net/http hides that it came in chunks, which HTTP/1.0 does not know.
	case !r.ProtoAtLeast(1, 1) && r.Header["Content-Length"] == nil:
		return nil, errBrokenBody
	}
	deadlines := http.NewResponseController(w)
	_ = deadlines.SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err := readAll(r.Body, r.ContentLength, maxBody, held.hold)
	// The server watches the connection while the provider is asked; a deadline
	// left behind would look like the client's leaving.
	_ = deadlines.SetReadDeadline(time.Time{})
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errSlowBody
	case errors.Is(err, errNoRoom):
		return nil, errNoRoom
	case err != nil:
		return nil, errBrokenBody
	case len(body) > maxBody:
		return nil, errLargeBody
	}
	return body, nil
}
