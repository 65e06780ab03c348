package proxy

import (
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
	// body is what goes on as it is if Form is nil.
	body []byte
}

// receive reads a request once, whole and under a cap. Its errors are refusals.
func receive(w http.ResponseWriter, r *http.Request) (received, error) {
	in := received{Request: clientauth.Request{Header: r.Header}}
	// RFC 6749 section 3.2: the client must use POST.
	if r.Method != http.MethodPost {
		return in, errMethod
	}
	isForm, err := hasForm(r.Header)
	if err != nil {
		return in, err
	}
	if in.Query, err = clientauth.ParseForm(r.URL.RawQuery); err != nil {
		return in, err
	}
	if in.body, err = readBody(w, r); err != nil {
		return in, err
	}
	if isForm {
		in.Form, err = clientauth.ParseForm(string(in.body))
	}
	return in, err
}

// hasForm reports whether the body is a form that can be read. A body of
// another media type is not opened; whether it may pass is for the rules of
// client authentication to say. What two parsers could take for different
// media types or characters is refused.
func hasForm(h http.Header) (bool, error) {
	types := h["Content-Type"]
	if len(types) == 0 {
		return false, nil
	}
	mediaType, parameters, err := mime.ParseMediaType(types[0])
	if len(types) > 1 || err != nil {
		return false, errMediaType
	}
	if mediaType != formMediaType {
		return false, nil
	}
	for name, value := range parameters {
		// RFC 6749 appendix B: the character encoding is UTF-8.
		if name == "charset" && !strings.EqualFold(value, "utf-8") {
			return false, errCharset
		}
	}
	if slices.ContainsFunc(h["Content-Encoding"], func(e string) bool { return !strings.EqualFold(e, "identity") }) {
		return false, errContentEncoding
	}
	return true, nil
}

// readBody reads a body to its end, so that no part of a request is sent on
// before the whole has arrived.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
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
	body, err := readAll(r.Body, r.ContentLength, maxBody)
	// The server watches the connection while the provider is asked; a deadline
	// left behind would look like the client's leaving.
	_ = deadlines.SetReadDeadline(time.Time{})
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errSlowBody
	case err != nil:
		return nil, errBrokenBody
	case len(body) > maxBody:
		return nil, errLargeBody
	}
	return body, nil
}
