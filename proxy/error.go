package proxy

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"

	"oauthgw/clientauth"
	"oauthgw/internal/responserecorder"
)

func newError(status int, code, reason, description string) *clientauth.Error {
	return &clientauth.Error{Status: status, Code: code, Reason: reason, Description: description}
}

func invalidRequest(status int, reason, description string) *clientauth.Error {
	return newError(status, clientauth.CodeInvalidRequest, reason, description)
}

func invalidMetadata(reason, description string) *clientauth.Error {
	return newError(http.StatusBadRequest, clientauth.CodeInvalidClientMetadata, reason, description)
}

func unavailable(reason, description string) *clientauth.Error {
	return newError(http.StatusServiceUnavailable, clientauth.CodeTemporarilyUnavailable, reason, description)
}

func badGateway(reason, description string) *clientauth.Error {
	return newError(http.StatusBadGateway, clientauth.CodeServerError, reason, description)
}

// Errors of the client's request.
var (
	errMethod = invalidRequest(http.StatusMethodNotAllowed, "method",
		"This endpoint takes POST requests only (RFC 6749 section 3.2).")
	errAuthorizationMethod = invalidRequest(http.StatusMethodNotAllowed, "method",
		"The authorization endpoint takes GET, HEAD and POST requests only (RFC 6749 section 3.1).")
	errAuthorizationForm = invalidRequest(http.StatusBadRequest, "not_form",
		"The body of an authorization request must be of the media type application/x-www-form-urlencoded.")
	errMediaType = invalidRequest(http.StatusBadRequest, "media_type",
		"The Content-Type header field is not well-formed or is present more than once.")
	errNoMediaType = invalidRequest(http.StatusBadRequest, "no_media_type",
		"The Content-Type header field is missing or names no media type, and the body is not a form; send a form as application/x-www-form-urlencoded.")
	errCharset = invalidRequest(http.StatusBadRequest, "charset",
		"The form must be encoded in UTF-8; send Content-Type application/x-www-form-urlencoded without another charset.")
	errContentEncoding = invalidRequest(http.StatusUnsupportedMediaType, "content_encoding",
		"The form must not be compressed; send it without Content-Encoding.")
	errLargeBody = invalidRequest(http.StatusRequestEntityTooLarge, "large_body",
		"The body is larger than the 64 KiB that this endpoint takes.")
	errSlowBody = invalidRequest(http.StatusRequestTimeout, "slow_body",
		"The body did not arrive in time.")
	errBrokenBody = invalidRequest(http.StatusBadRequest, "broken_body",
		"The body ended early or is not framed as its header fields say.")
	errClientMetadata = invalidMetadata("client_metadata",
		"The client metadata must be one JSON object that holds no member twice.")
	errMetadataEncoding = invalidMetadata("client_metadata_encoding",
		"The client metadata must be encoded in UTF-8 without a byte order mark or a NUL; send Content-Type application/json without another charset.")
	errMetadataNames = invalidMetadata("client_metadata_names",
		"The member names of the client metadata must be ASCII and differ in more than case, and token_endpoint_auth_method must be spelled like this.")
	errRedirectURIs = newError(http.StatusBadRequest, clientauth.CodeInvalidRedirectURI, "redirect_uris",
		"No client is configured for these redirect_uris, and the authorization server registers no clients.")
	errReplayed = newError(http.StatusBadRequest, clientauth.CodeInvalidClient, "assertion_replayed",
		"The client_assertion was used before; create a new one for each request.")
	// RFC 6585 section 4. Not invalid_client: the secret was not checked.
	errRateLimited = newError(http.StatusTooManyRequests, clientauth.CodeTemporarilyUnavailable, "rate_limited",
		"Client authentication has failed too often from this address; the request was not sent and may be repeated when the time in Retry-After is over.")
)

// Errors of gateway or provider, never invalid_client: some clients would drop their registration.
var (
	errUnreachable = unavailable("unreachable",
		"The authorization server cannot be reached; the request was not sent and may be repeated.")
	errBusy = unavailable("busy",
		"Too many requests are in flight; this one was not sent and may be repeated.")
	errNoRoom = unavailable("no_room",
		"Large request bodies have reached their memory limit; this request was not sent and may be repeated.")
	errReplaysFull = unavailable("replays_full",
		"The gateway remembers as many used assertions as it can; this request was not sent and may be repeated later with a new client_assertion.")
	errStateUnavailable = unavailable("state_unavailable",
		"The gateway cannot find out whether the client_assertion was used before; this request was not sent and may be repeated with a new client_assertion.")
	errUntrusted = badGateway("untrusted",
		"The authorization server could not prove its identity; the request was not sent.")
	errUpstreamTimeout = newError(http.StatusGatewayTimeout, clientauth.CodeTemporarilyUnavailable, "timeout",
		"The authorization server did not answer in time; it may have processed the request.")
	errBrokenReply = badGateway("broken_reply",
		"The authorization server's reply was broken; it may have processed the request.")
	errRedirect = badGateway("redirect",
		"The authorization server answered with a redirect, which is not followed with credentials.")
	errLargeReply = badGateway("large_reply",
		"The authorization server's reply was too large.")
	errEncodedReply = badGateway("encoded_reply",
		"The authorization server's reply was compressed although it was asked not to be.")
	errSecretRejected = badGateway("secret_rejected",
		"The authorization server rejects the secret that the gateway keeps for this client; the operator of the gateway must correct it.")
	errSecretRepeated = badGateway("secret_repeated",
		"The authorization server's reply held the secret that the gateway keeps for this client.")
)

// Errors of other handlers, named after their cause.
var (
	ErrEndpointsUnknown = unavailable("endpoints_unknown",
		"The authorization server's endpoints are not known yet because its metadata cannot be read; try again.")
	ErrAuthorizationUnknown = unavailable("authorization_unknown",
		"The gateway does not know the authorization endpoint, so it does not lend the secret of this client; the operator of the gateway must correct the configuration.")
	ErrTooManyStreams = unavailable("too_many_streams",
		"Streams and other long requests have reached their connection limit; repeat the request later.")
	ErrTarget = invalidRequest(http.StatusBadRequest, "target",
		"The request target must be a path, or an http or https URL with a host and without user information.")
	ErrLongPath = invalidRequest(http.StatusRequestURITooLong, "long_path",
		"The path is longer than the 2 KiB that this server takes; its query may be longer.")
	ErrHost = invalidRequest(http.StatusBadRequest, "host",
		"The Host header field does not name a host.")
	ErrPanic = newError(http.StatusInternalServerError, clientauth.CodeServerError, "panic",
		"The gateway failed at this request; it may have been processed.")
	ErrNotFound = invalidRequest(http.StatusNotFound, "not_found",
		"There is no such endpoint here.")
)

// RequestID is the header field of the request identifier, which the server sets.
const RequestID = "X-Request-Id"

// WriteError writes an error response (RFC 6749 section 5.2). Its reason is the logged outcome.
func WriteError(w http.ResponseWriter, e *clientauth.Error) {
	var body bytes.Buffer
	_ = json.NewEncoder(&body).Encode(e) // the texts are constants and encode
	writeError(w, e, "application/json", body.Bytes())
}

// writePage is WriteError for a person at a browser. It never redirects: the redirect URI may be an
// attacker's (RFC 9700 section 4.11).
func writePage(w http.ResponseWriter, e *clientauth.Error) {
	writeError(w, e, "text/plain; charset=utf-8", []byte("Login refused: "+e.Code+"\n\n"+e.Description+"\n"))
}

func writeError(w http.ResponseWriter, e *clientauth.Error, mediaType string, body []byte) {
	recorder, w := responserecorder.Wrap(w)
	recorder.Attrs = append(recorder.Attrs, slog.String("outcome", e.Reason))
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("X-Content-Type-Options", "nosniff")
	setNoStore(h)
	switch {
	case e.Status == http.StatusMethodNotAllowed:
		h.Set("Allow", cmp.Or(map[*clientauth.Error]string{errAuthorizationMethod: "GET, HEAD, POST"}[e], http.MethodPost))
	case e.Status == http.StatusServiceUnavailable && h.Get("Retry-After") == "":
		h.Set("Retry-After", "1")
	}
	limitUnreadBody(w, e)
	w.WriteHeader(e.Status)
	_, _ = w.Write(body) // fails if the client is gone
	// An eviction or a shutdown looks like a broken body, and gets no response.
	recorder.Fail(responserecorder.Client, net.ErrClosed)
}

// limitUnreadBody keeps net/http from reading the rest of the body in front of the response if
// the rest may be large or has no certain end, or if connections are scarce. The connection
// closes instead. For any other rest the timeout that was set last applies.
func limitUnreadBody(w http.ResponseWriter, e *clientauth.Error) {
	switch e {
	case errLargeBody, errContentEncoding, errSlowBody, errBrokenBody, errNoRoom, ErrTooManyStreams, ErrLongPath:
		w.Header().Set("Connection", "close")
		setReadDeadline(w, 0)
	}
}

func (x *exchange) writeError(err error) {
	var e *clientauth.Error
	errors.As(err, &e) // every error of a request is an error response
	x.outcome = e.Reason
	x.respond(e)
}

// respond writes the response of an error, with a challenge if it is a 401. At introspection every
// invalid_client is one (RFC 7662 section 2.3).
func (x *exchange) respond(e *clientauth.Error) {
	if e.Code == clientauth.CodeInvalidClient && x.Endpoint == clientauth.Introspection {
		unauthorized := *e
		unauthorized.Status = http.StatusUnauthorized
		e = &unauthorized
	}
	if e.Status == http.StatusUnauthorized {
		x.w.Header().Set("Www-Authenticate", challenge(x.Realm))
	}
	WriteError(x.w, e)
}
