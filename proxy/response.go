package proxy

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
	"oauthgw/internal/responserecorder"
	"oauthgw/internal/wwwauth"
)

const maxResponse = 1 << 20 // bytes of a body

// response is a response of the provider, read to its end.
type response struct {
	status int
	header http.Header
	body   []byte

	mediaType string            // without parameters, in lower case; empty: none
	object    jsonobject.Object // the body, if err is nil
	err       error
	edited    bool // the object differs from the body
}

// modifyResponse reads a response to its end, checks it, repairs it and lets x.modify correct it.
// After an error the client receives nothing of it.
func (x *exchange) modifyResponse(resp *http.Response) error {
	r, err := x.readResponse(resp)
	if err != nil {
		return err
	}
	r = x.repair(r)
	if err := x.checkLent(&r); err != nil {
		return err
	}
	x.modify(&r)
	setNoStore(r.header)
	if x.StripCORS {
		maps.DeleteFunc(r.header, func(name string, _ []string) bool { return strings.HasPrefix(name, "Access-Control-") })
	}
	r.header["Content-Length"] = []string{strconv.Itoa(len(r.body))}
	moveHeader(x.w, resp)
	keepUntyped(x.w.Header())
	resp.StatusCode, resp.Status, resp.Trailer = r.status, "", nil
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(r.body)), int64(len(r.body))
	return nil
}

// moveHeader moves the header of a response to that for the client. ReverseProxy would copy each value.
func moveHeader(w http.ResponseWriter, resp *http.Response) {
	h := w.Header()
	for name, values := range resp.Header {
		if own := h[name]; own != nil {
			values = slices.Concat(own, values)
		}
		h[name] = values
	}
	resp.Header = nil
}

// readResponse reads a response to its end, and checks that it is whole.
func (x *exchange) readResponse(resp *http.Response) (response, error) {
	defer resp.Body.Close()
	r := response{status: resp.StatusCode, header: resp.Header}
	err := r.checkHead()
	if err == nil {
		r.body, err = readAll(resp.Body, roomFor(resp.ContentLength, smallBody), maxResponse, nil)
	}
	x.upstreamTime = time.Since(x.sent)
	x.recorder.Fail(responserecorder.Client, x.r.Context().Err()) // the client may be gone already
	switch {
	case err != nil:
		return r, err
	case len(r.body) > maxResponse:
		return r, errLargeReply
	case len(r.body) == 0:
		r.header.Del("Content-Encoding")
	case r.coding() != "":
		if err := r.decode(); err != nil {
			return r, err
		}
		x.repaired("content_encoding")
	}
	if r.parse(); r.isIncomplete(x.Endpoint) {
		return r, errBrokenReply
	}
	return r, nil
}

// checkHead refuses a response before its body is read, which has no end after 101.
func (r response) checkHead() error {
	switch {
	// A client that follows a redirect sends its secret elsewhere (RFC 9700 section 4.12).
	case r.status >= 300 && r.status < 400:
		return errRedirect
	case r.status < 200 || r.status > 599:
		return errBrokenReply
	}
	return nil
}

// isIncomplete reports whether a body is missing, or claims to be JSON and ends too early. A
// response that the end of its connection delimits does not show that.
func (r response) isIncomplete(endpoint clientauth.Endpoint) bool {
	switch r.status {
	case http.StatusNoContent, http.StatusResetContent:
		return endpoint == clientauth.Token // RFC 6749 section 5.1
	case http.StatusOK, http.StatusCreated:
	default:
		return false
	}
	if r.err == nil || !isJSONType(r.mediaType) || json.Valid(r.body) {
		return false
	}
	var whole json.RawMessage
	err := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(r.body, []byte("\ufeff")))).Decode(&whole)
	// RFC 7009 section 2.2: the body of a revocation response means nothing.
	return err == io.EOF && endpoint != clientauth.Revocation || errors.Is(err, io.ErrUnexpectedEOF)
}

func (r *response) parse() {
	if r.mediaType = r.header.Get("Content-Type"); r.mediaType != jsonMediaType {
		r.mediaType, _, _ = mime.ParseMediaType(r.mediaType)
	}
	r.object, r.err = jsonobject.Parse(r.body)
}

// dropDigests removes the fields that describe the bytes that were sent.
func dropDigests(h http.Header) {
	for _, name := range []string{"Etag", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest"} {
		h.Del(name)
	}
}

// keepUntyped keeps net/http from guessing a type: it could turn a client's text into a page.
func keepUntyped(h http.Header) {
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil
	}
}

// fixInvalidClient gives an invalid_client response the status and the challenge that the
// standard requires. It changes nothing else.
func (x *exchange) fixInvalidClient(r *response) {
	x.outcome = r.outcome(x.Endpoint)
	switch {
	case r.mayReject() && (x.outcome == OutcomeRejected || x.outcome == OutcomeUnclear):
		x.recordFailure()
	case r.status < http.StatusMultipleChoices && x.outcome == OutcomeAccepted:
		x.recordSuccess()
	}
	if x.outcome == OutcomeUnclear && bytes.Contains(r.body, []byte(clientauth.CodeInvalidClient)) {
		x.Metrics.AmbiguousInvalidClient.Inc(string(x.Endpoint))
	}
	if x.outcome != OutcomeRejected {
		return
	}
	basic := x.credentials.Method == clientauth.Basic
	// A 401 is required after the Authorization field (RFC 6749 section 5.2), and always at two
	// endpoints (RFC 7662 section 2.3, OpenID CIBA section 13).
	if r.status == http.StatusBadRequest && (basic || x.Endpoint == clientauth.Introspection || x.Endpoint == clientauth.BackchannelAuthentication) {
		r.status = http.StatusUnauthorized
		x.Metrics.StatusCorrected.Inc(string(x.Endpoint))
	}
	// After HTTP Basic a challenge of that scheme is required (RFC 6749 section 5.2), else any
	// (RFC 9110 section 15.5.2).
	fields := r.header["Www-Authenticate"]
	missing := x.Challenge == ChallengeAlways && len(fields) == 0
	if basic {
		missing = !wwwauth.Offers(fields, "Basic")
	}
	if r.status == http.StatusUnauthorized && missing {
		r.header.Add("Www-Authenticate", challenge(x.Realm))
		x.Metrics.ChallengeAdded.Inc(string(x.Endpoint))
	}
}

// challenge returns a WWW-Authenticate value for HTTP Basic (RFC 7617 section 2).
func challenge(realm string) string { return "Basic realm=" + wwwauth.Quote(realm) }

// setNoStore adds what RFC 6749 section 5.1 requires of a response that may hold a token.
func setNoStore(h http.Header) {
	addDirective(h, "Cache-Control", "no-store")
	addDirective(h, "Pragma", "no-cache")
}

func addDirective(h http.Header, name, directive string) {
	if !strings.Contains(strings.ToLower(strings.Join(h[name], ",")), directive) {
		h.Add(name, directive)
	}
}

// coding returns the content coding of a response (RFC 9110 section 8.4); empty: none.
func (r response) coding() string {
	coding := strings.ToLower(strings.TrimSpace(strings.Join(r.header["Content-Encoding"], ",")))
	if coding == "identity" {
		return ""
	}
	return coding
}

// decode decodes a body that is compressed unasked. Refusing it would lose the tokens of a used code.
func (r *response) decode() (err error) {
	var decoder io.Reader
	switch r.coding() {
	case "gzip", "x-gzip":
		decoder, err = gzip.NewReader(bytes.NewReader(r.body))
	case "deflate":
		// Some servers send deflate without the zlib format (RFC 9110 section 8.4.1.2).
		if decoder, err = zlib.NewReader(bytes.NewReader(r.body)); err != nil {
			decoder, err = flate.NewReader(bytes.NewReader(r.body)), nil
		}
	default:
		return errEncodedReply
	}
	if err == nil {
		r.body, err = readAll(decoder, firstRoom, maxResponse, nil)
	}
	switch {
	case err != nil:
		return errBrokenReply
	case len(r.body) > maxResponse:
		return errLargeReply
	}
	r.header.Del("Content-Encoding")
	dropDigests(r.header)
	return nil
}
