package proxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/wwwauth"
)

// maxResponse bounds the body of a response, in bytes.
const maxResponse = 1 << 20

// response is a response of the provider, read to its end.
type response struct {
	status int
	header http.Header
	body   []byte
}

// responseModifier sets the outcome of an exchange and corrects its response.
type responseModifier func(*exchange, *response)

// modifyResponse reads a response to its end, checks it and corrects it. After an error the
// client receives nothing of it.
func (x *exchange) modifyResponse(resp *http.Response) error {
	defer resp.Body.Close()
	r := response{status: resp.StatusCode, header: resp.Header}
	err := r.checkHead()
	if err == nil {
		r.body, err = readAll(resp.Body, resp.ContentLength, maxResponse, nil)
	}
	x.upstreamTime = time.Since(x.sent)
	if err != nil {
		return err
	}
	if err := r.checkBody(x.Endpoint); err != nil {
		return err
	}
	r.setMediaType()
	x.modify(x, &r)
	setNoStore(r.header)
	if x.StripCORS {
		stripCORS(r.header)
	}
	r.header.Set("Content-Length", strconv.Itoa(len(r.body)))
	h := x.w.Header()
	for name, values := range r.header {
		if h[name] != nil {
			values = append(h[name], values...)
		}
		h[name] = values
	}
	keepUntyped(h)
	resp.StatusCode, resp.Status = r.status, ""
	resp.Header, resp.Trailer = nil, nil // the writer has the header
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(r.body)), int64(len(r.body))
	return nil
}

// stripCORS removes the fields of the CORS protocol (Fetch standard).
func stripCORS(h http.Header) {
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			delete(h, name)
		}
	}
}

// checkHead refuses a response without reading its body. After a switch of protocols, for
// example, the body has no end.
func (r response) checkHead() error {
	encoding := r.header.Get("Content-Encoding")
	switch {
	// A client that follows a redirect sends its secret elsewhere (RFC 9700 section 4.12).
	case r.status >= 300 && r.status < 400:
		return errRedirect
	case r.status < 200 || r.status > 599:
		return errBrokenReply
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		return errEncodedReply
	}
	return nil
}

func (r response) checkBody(endpoint clientauth.Endpoint) error {
	switch {
	case len(r.body) > maxResponse:
		return errLargeReply
	// RFC 6749 section 5.1: a successful token response has a body.
	case endpoint == clientauth.Token && (r.status == http.StatusNoContent || r.status == http.StatusResetContent),
		(r.status == http.StatusOK || r.status == http.StatusCreated) && r.isTruncated(endpoint):
		return errBrokenReply
	}
	return nil
}

// isTruncated reports whether a body that claims to be JSON ends too early. A response that
// the end of its connection delimits does not show that.
func (r response) isTruncated(endpoint clientauth.Endpoint) bool {
	if !isJSON(r.header) || json.Valid(r.body) {
		return false
	}
	var whole json.RawMessage
	err := json.NewDecoder(bytes.NewReader(r.body)).Decode(&whole)
	// RFC 7009 section 2.2: the body of a revocation response means nothing.
	if err == io.EOF {
		return endpoint != clientauth.Revocation
	}
	return errors.Is(err, io.ErrUnexpectedEOF)
}

// setMediaType adds the media type that RFC 6749 sections 5.1 and 5.2 require, if the
// response has none and its body is a JSON object.
func (r response) setMediaType() {
	if strings.TrimSpace(r.header.Get("Content-Type")) == "" && bytes.HasPrefix(bytes.TrimLeft(r.body, " \t\r\n"), []byte("{")) && json.Valid(r.body) {
		r.header.Set("Content-Type", "application/json")
	}
}

// keepUntyped prevents net/http from guessing a missing media type. A guess can turn text
// that a client controls into a page.
func keepUntyped(h http.Header) {
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil
	}
}

// fixInvalidClient gives an invalid_client response the status and the challenge that the
// standard requires. It changes nothing else.
func fixInvalidClient(x *exchange, r *response) {
	x.outcome = r.outcome(x.Endpoint)
	switch {
	case r.mayReject() && (x.outcome == outcomeRejected || x.outcome == outcomeUnclear):
		x.recordFailure()
	case r.status < http.StatusMultipleChoices && x.outcome == outcomeAccepted:
		x.recordSuccess()
	}
	if x.outcome == outcomeUnclear && bytes.Contains(r.body, []byte(clientauth.CodeInvalidClient)) {
		x.Metrics.AmbiguousInvalidClient(string(x.Endpoint))
	}
	if x.outcome != outcomeRejected {
		return
	}
	if r.status == http.StatusBadRequest && x.requires401() {
		r.status = http.StatusUnauthorized
		x.Metrics.StatusCorrected(string(x.Endpoint))
	}
	if r.status == http.StatusUnauthorized && x.needsChallenge(r.header) {
		r.header.Add("Www-Authenticate", challenge(x.Realm))
		x.Metrics.ChallengeAdded(string(x.Endpoint))
	}
}

// requires401 reports whether a rejected client must receive a 401: if it used the
// Authorization field (RFC 6749 section 5.2), and always at some endpoints (RFC 7662
// section 2.3, OpenID CIBA section 13).
func (x *exchange) requires401() bool {
	return x.credentials.Method == clientauth.Basic ||
		x.Endpoint == clientauth.Introspection || x.Endpoint == clientauth.BackchannelAuthentication
}

// needsChallenge reports whether to add a challenge: after HTTP Basic one of that scheme
// (RFC 6749 section 5.2), else any (RFC 9110 section 15.5.2).
func (x *exchange) needsChallenge(h http.Header) bool {
	if x.credentials.Method == clientauth.Basic {
		return !wwwauth.Offers(h["Www-Authenticate"], "Basic")
	}
	return x.Challenge == ChallengeAlways && len(h["Www-Authenticate"]) == 0
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
