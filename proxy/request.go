package proxy

import (
	"cmp"
	"errors"
	"mime"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/repair"
)

const (
	maxBody       = 64 << 10 // of a request, in bytes; an assertion fits
	formMediaType = "application/x-www-form-urlencoded"
)

// received is a client's request, read to its end.
type received struct {
	clientauth.Request
	body []byte // to forward unchanged; nil if there is a Form
}

// readRequest reads the request. Errors are error responses.
func (x *exchange) readRequest() (received, error) {
	r := x.r
	in := received{Request: clientauth.Request{Header: r.Header}}
	if r.Method != http.MethodPost { // RFC 6749 section 3.2
		return in, errMethod
	}
	kind, err := kindOf(r.Header)
	if err != nil {
		return in, err
	}
	if in.body, err = readBody(x.w, r, x.Stall, &x.memory); err != nil {
		return in, err
	}
	query, form := r.URL.RawQuery, ""
	isForm := kind == bodyForm || kind == bodyUntyped && formLike.Match(in.body)
	if isForm {
		query, form, x.repairs = x.Requests.Apply(x.Endpoint, query, string(in.body), true)
	}
	// The query is parsed after the body has arrived, because it takes memory too.
	if in.Query, err = x.parse(query); err != nil {
		return in, err
	}
	switch {
	case kind == bodyUnread:
		return in, nil
	case !isForm:
		return in, errNoMediaType
	}
	in.Form, err = x.parse(form)
	in.body = nil // the form holds a copy
	if slices.Contains(x.repairs, repair.Scope) {
		x.scope = cmp.Or(in.Form.Get("scope"), in.Query.Get("scope"))
	}
	return in, err
}

func (x *exchange) parse(encoded string) (*clientauth.Form, error) {
	f, err := x.Rules.ParseForm(encoded)
	if err == nil {
		err = f.CheckFormat(x.ownQuery)
	}
	return f, err
}

type bodyKind int

const (
	bodyForm    bodyKind = iota // some server in wide use reads its media type as that of a form
	bodyUntyped                 // without a media type; some servers, as Rack, read it as a form, so it must be one
	bodyUnread                  // another media type; clientauth decides whether it may pass
)

// formLike matches pairs whose names hold nothing that a form encoder escapes. JSON, XML and
// plain text do not consist of such. [clientauth.ParseForm] has an error for brackets.
var formLike = regexp.MustCompile(`^&*(?:[A-Za-z0-9._~*%+\[\]-]*=[^&]*(?:&+|$))*$`)

func isAlphanumeric(c rune) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// kindOf returns how a body is read. It refuses what two parsers could read differently.
func kindOf(h http.Header) (bodyKind, error) {
	types := h["Content-Type"]
	// WSGI and CGI servers read content_type as Content-Type.
	if len(types) > 1 || len(types) == 0 && h["Content_type"] != nil {
		return 0, errMediaType
	}
	kind, err := kindOfType(h.Get("Content-Type"))
	if err == nil && kind != bodyUnread && slices.ContainsFunc(h["Content-Encoding"], isEncoded) {
		return 0, errContentEncoding
	}
	return kind, err
}

func isEncoded(coding string) bool { return !strings.EqualFold(coding, "identity") }

func kindOfType(value string) (bodyKind, error) {
	if value == formMediaType {
		return bodyForm, nil
	}
	essence, _, _ := strings.Cut(value, ";")
	essence, _, err := mime.ParseMediaType(essence)
	switch {
	case strings.Contains(essence, "/") && err == nil:
	case strings.Contains(value, ","): // two media types
		return 0, errMediaType
	default:
		return bodyUntyped, nil
	}
	_, parameters, err := mime.ParseMediaType(value)
	switch {
	case err != nil:
		return 0, errMediaType
	// Without a boundary (RFC 2046 section 5.1.1), Rack reads the body as a form.
	case strings.HasPrefix(essence, "multipart/") && parameters["boundary"] == "":
		return bodyUntyped, nil
	case !isForm(essence):
		return bodyUnread, nil
	}
	// RFC 6749 appendix B: the encoding is UTF-8.
	if charset, ok := parameters["charset"]; ok && !isUTF8(charset) {
		return 0, errCharset
	}
	return bodyForm, nil
}

// isForm reports whether some server reads a media type as that of a form. Some compare the
// beginning (Undertow, Tornado, ASP.NET) or the end (Slim), some search for the word
// (formidable), and Flask also knows application/x-url-encoded.
func isForm(essence string) bool {
	return strings.Contains(strings.ReplaceAll(essence, "-", ""), "urlencoded")
}

// isUTF8 reports whether text in a charset can be read as UTF-8.
func isUTF8(charset string) bool {
	charset = strings.ToLower(charset)
	return charset == "utf-8" || charset == "utf8" || charset == "us-ascii"
}

// readBody reads a body to its end: nothing is forwarded until it has arrived.
func readBody(w http.ResponseWriter, r *http.Request, timeout time.Duration, memory *share) ([]byte, error) {
	switch {
	case r.ContentLength > maxBody:
		return nil, errLargeBody
	// In HTTP/1.0 a POST without a length is a bad request (RFC 1945 section 8.3). net/http
	// hides that such a body was chunked.
	case !r.ProtoAtLeast(1, 1) && r.Header["Content-Length"] == nil:
		return nil, errBrokenBody
	}
	setReadDeadline(w, timeout)
	body, err := readAll(r.Body, roomFor(r.ContentLength, firstRoom), maxBody, memory.grow)
	// net/http reads on to notice that the client disconnects; a deadline would look like that.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
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
