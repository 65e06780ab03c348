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
)

// maxReply bounds the body of a provider's reply, in bytes.
const maxReply = 1 << 20

// reply is a provider's reply, read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// complete reads a reply whole, checks it and completes it. Nothing has been
// written to the client yet; after an error nothing of the reply is.
func (x *exchange) complete(resp *http.Response) error {
	defer resp.Body.Close()
	r := reply{status: resp.StatusCode, header: resp.Header}
	err := r.checkHead()
	if err == nil {
		r.body, err = readAll(resp.Body, resp.ContentLength, maxReply, nil)
	}
	x.waited = time.Since(x.sent)
	if err != nil {
		return err
	}
	if err := r.check(x.Endpoint); err != nil {
		return err
	}
	r.completeType()
	x.modify(x, &r)
	setNoStore(r.header)
	if x.StripCORS {
		dropCORS(r.header)
	}
	r.header.Set("Content-Length", strconv.Itoa(len(r.body)))
	addTo(x.w.Header(), r.header)
	leaveUntyped(x.w.Header())
	resp.StatusCode, resp.Status = r.status, ""
	resp.Header, resp.Trailer = nil, nil // the answer has it already
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(r.body)), int64(len(r.body))
	return nil
}

// addTo adds the fields of a reply to those of an answer. They are the answer's
// afterwards.
func addTo(answer, reply http.Header) {
	for name, values := range reply {
		if own := answer[name]; own != nil {
			values = append(own, values...)
		}
		answer[name] = values
	}
}

// dropCORS leaves out what the Fetch standard calls the CORS protocol.
func dropCORS(h http.Header) {
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			delete(h, name)
		}
	}
}

// checkHead refuses a reply whose body is not worth reading. What follows a
// switch of protocols has no end, and no deadline of the request reaches it.
func (r reply) checkHead() error {
	encoding := r.header.Get("Content-Encoding")
	switch {
	// A redirect that is obeyed makes the client send its secret elsewhere
	// (RFC 9700 section 4.12).
	case r.status >= 300 && r.status < 400:
		return errRedirect
	case r.status < 200 || r.status > 599:
		return errBrokenReply
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		return errEncodedReply
	}
	return nil
}

// check refuses a reply that must not reach a client, read to its end.
func (r reply) check(endpoint clientauth.Endpoint) error {
	switch {
	case len(r.body) > maxReply:
		return errLargeReply
	// RFC 6749 section 5.1: a successful token response has a body.
	case endpoint == clientauth.Token && (r.status == http.StatusNoContent || r.status == http.StatusResetContent):
		return errBrokenReply
	case (r.status == http.StatusOK || r.status == http.StatusCreated) && r.isTruncated(endpoint):
		return errBrokenReply
	}
	return nil
}

// completeType adds the media type that RFC 6749 sections 5.1 and 5.2 require, if
// the response has none and its body is a JSON object.
func (r reply) completeType() {
	if strings.TrimSpace(r.header.Get("Content-Type")) == "" && bytes.HasPrefix(bytes.TrimLeft(r.body, " \t\r\n"), []byte("{")) && json.Valid(r.body) {
		r.header.Set("Content-Type", "application/json")
	}
}

// leaveUntyped prevents net/http from guessing the media type of a response that
// has none. A guess can turn text that a client controls into a page.
func leaveUntyped(h http.Header) {
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil
	}
}

// isTruncated reports whether a body that claims to be JSON ends too early,
// which a reply delimited by the end of its connection does not show.
func (r reply) isTruncated(endpoint clientauth.Endpoint) bool {
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

// fixInvalidClient gives a refusal of client authentication the status and
// the challenge that the standard asks for. Nothing else changes.
func fixInvalidClient(x *exchange, r *reply) {
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

// requires401 reports whether a rejected client is owed a 401: always
// if it used the Authorization field (RFC 6749 section 5.2), and at some
// endpoints whatever it used (RFC 7662 section 2.3, OpenID CIBA section 13).
func (x *exchange) requires401() bool {
	return x.credentials.Method == clientauth.Basic ||
		x.Endpoint == clientauth.Introspection || x.Endpoint == clientauth.BackchannelAuthentication
}

// needsChallenge reports whether a challenge is to be added: a client that
// used HTTP Basic is owed one of that scheme (RFC 6749 section 5.2), any other
// just one (RFC 9110 section 15.5.2).
func (x *exchange) needsChallenge(h http.Header) bool {
	if x.credentials.Method == clientauth.Basic {
		return !challengesBasic(h)
	}
	return x.Challenge == ChallengeAlways && len(h["Www-Authenticate"]) == 0
}

// setNoStore adds what RFC 6749 section 5.1 demands of every reply that may
// hold a token, where it is missing.
func setNoStore(h http.Header) {
	if !strings.Contains(strings.ToLower(strings.Join(h["Cache-Control"], ",")), "no-store") {
		h.Add("Cache-Control", "no-store")
	}
	if !strings.Contains(strings.ToLower(strings.Join(h["Pragma"], ",")), "no-cache") {
		h.Add("Pragma", "no-cache")
	}
}
