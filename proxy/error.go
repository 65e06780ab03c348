package proxy

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"oauthgw/clientauth"
)

// Refusals of a request's outer shape.
var (
	errMethod = &clientauth.Error{Code: clientauth.CodeInvalidRequest, Reason: "method",
		Description: "This endpoint takes POST requests only (RFC 6749 section 3.2)."}
	errMediaType = &clientauth.Error{Code: clientauth.CodeInvalidRequest, Reason: "media_type",
		Description: "The Content-Type header field is not well-formed or is present more than once."}
	errNoMediaType = &clientauth.Error{Code: clientauth.CodeInvalidRequest, Reason: "no_media_type",
		Description: "The Content-Type header field is missing or names no media type, and the body is not a form; send a form as application/x-www-form-urlencoded."}
	errCharset = &clientauth.Error{Code: clientauth.CodeInvalidRequest, Reason: "charset",
		Description: "The form must be encoded in UTF-8; send Content-Type application/x-www-form-urlencoded without another charset."}
	errContentEncoding = &clientauth.Error{Code: clientauth.CodeInvalidRequest, Reason: "content_encoding",
		Description: "The form must not be compressed; send it without Content-Encoding."}
	errClientMetadata = &clientauth.Error{Code: clientauth.CodeInvalidClientMetadata, Reason: "client_metadata",
		Description: "The client metadata must be one JSON object that holds no member twice."}
	errMetadataEncoding = &clientauth.Error{Code: clientauth.CodeInvalidClientMetadata, Reason: "client_metadata_encoding",
		Description: "The client metadata must be encoded in UTF-8 without a byte order mark or a NUL; send Content-Type application/json without another charset."}
	errMetadataNames = &clientauth.Error{Code: clientauth.CodeInvalidClientMetadata, Reason: "client_metadata_names",
		Description: "The member names of the client metadata must be ASCII and differ in more than case, and token_endpoint_auth_method must be spelled like this."}
	errLargeBody = &clientauth.Error{Code: clientauth.CodeInvalidRequest, Reason: "large_body",
		Description: "The body is larger than the 64 KiB that this endpoint takes."}
	errSlowBody = &clientauth.Error{Code: clientauth.CodeInvalidRequest, Reason: "slow_body",
		Description: "The body did not arrive in time."}
	errBrokenBody = &clientauth.Error{Code: clientauth.CodeInvalidRequest, Reason: "broken_body",
		Description: "The body ended early or is not framed as its header fields say."}
)

// errRateLimited tells a client to wait (RFC 6585 section 4). It is not
// invalid_client, because nobody looked at the secret; of the codes that are spoken
// here it is the one that says that a later request can succeed.
var errRateLimited = &clientauth.Error{Code: clientauth.CodeTemporarilyUnavailable, Reason: "rate_limited",
	Description: "Client authentication has failed too often from this address; the request was not sent and may be repeated when the time in Retry-After is over."}

// Faults of the gateway or the provider. They are never invalid_client: clients
// throw their registration away on that.
var (
	errUnreachable = &clientauth.Error{Code: clientauth.CodeTemporarilyUnavailable, Reason: "unreachable",
		Description: "The authorization server cannot be reached; the request was not sent and may be repeated."}
	errBusy = &clientauth.Error{Code: clientauth.CodeTemporarilyUnavailable, Reason: "busy",
		Description: "As many requests as may be are under way; this one was not sent and may be repeated."}
	errNoRoom = &clientauth.Error{Code: clientauth.CodeTemporarilyUnavailable, Reason: "no_room",
		Description: "Large request bodies hold as much memory as they may; this request was not sent and may be repeated."}
	errUntrusted = &clientauth.Error{Code: clientauth.CodeServerError, Reason: "untrusted",
		Description: "The authorization server could not prove its identity; the request was not sent."}
	errUpstreamTimeout = &clientauth.Error{Code: clientauth.CodeTemporarilyUnavailable, Reason: "timeout",
		Description: "The authorization server did not answer in time; it may have processed the request."}
	errBrokenReply = &clientauth.Error{Code: clientauth.CodeServerError, Reason: "broken_reply",
		Description: "The authorization server's reply was broken; it may have processed the request."}
	errRedirect = &clientauth.Error{Code: clientauth.CodeServerError, Reason: "redirect",
		Description: "The authorization server answered with a redirect, which is not followed with credentials."}
	errLargeReply = &clientauth.Error{Code: clientauth.CodeServerError, Reason: "large_reply",
		Description: "The authorization server's reply was too large."}
	errEncodedReply = &clientauth.Error{Code: clientauth.CodeServerError, Reason: "encoded_reply",
		Description: "The authorization server's reply was compressed although it was asked not to be."}
)

// Refusals for the router and whoever stands before it.
var (
	// ErrEndpointsUnknown is the answer while the provider's metadata, which
	// names the endpoints, has not been read.
	ErrEndpointsUnknown = &clientauth.Error{Code: clientauth.CodeTemporarilyUnavailable, Reason: "endpoints_unknown",
		Description: "The authorization server's endpoints are not known yet because its metadata cannot be read; try again."}
	// ErrTooManyStreams is the response where long exchanges hold as many connections
	// as they may.
	ErrTooManyStreams = &clientauth.Error{Code: clientauth.CodeTemporarilyUnavailable, Reason: "too_many_streams",
		Description: "Streams and other long exchanges hold as many connections as they may; repeat the request later."}
	// ErrTarget is the response to a request target that is not a path of this server.
	ErrTarget = &clientauth.Error{Code: clientauth.CodeInvalidRequest, Reason: "target",
		Description: "The request target must be a path, or an http or https URL with a host and without user information."}
	// ErrLongPath is the response to a request target whose path is longer than [MaxPath].
	ErrLongPath = &clientauth.Error{Code: clientauth.CodeInvalidRequest, Reason: "long_path",
		Description: "The path is longer than the 2 KiB that this server takes; its query may be longer."}
	// ErrHost is the answer to a Host field that names none.
	ErrHost = &clientauth.Error{Code: clientauth.CodeInvalidRequest, Reason: "host",
		Description: "The Host header field does not name a host."}
	// ErrPanic is the answer where this program failed.
	ErrPanic = &clientauth.Error{Code: clientauth.CodeServerError, Reason: "panic",
		Description: "The gateway failed at this request; it may have been processed."}
	// ErrNotFound is the answer for a path that is not served.
	ErrNotFound = &clientauth.Error{Code: clientauth.CodeInvalidRequest, Reason: "not_found",
		Description: "There is no such endpoint here."}
)

// status maps a refusal to its HTTP status: the one place.
func status(e *clientauth.Error) int {
	switch e {
	case ErrPanic:
		return http.StatusInternalServerError
	case ErrNotFound:
		return http.StatusNotFound
	case errMethod:
		return http.StatusMethodNotAllowed
	case errSlowBody:
		return http.StatusRequestTimeout
	case errLargeBody:
		return http.StatusRequestEntityTooLarge
	case ErrLongPath:
		return http.StatusRequestURITooLong
	case errContentEncoding:
		return http.StatusUnsupportedMediaType
	case errUpstreamTimeout:
		return http.StatusGatewayTimeout
	case errRateLimited:
		return http.StatusTooManyRequests
	}
	switch e.Code {
	case clientauth.CodeInvalidClient:
		return http.StatusUnauthorized
	case clientauth.CodeServerError:
		return http.StatusBadGateway
	case clientauth.CodeTemporarilyUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest
}

// RequestID names the field under which a request's identifier travels.
const RequestID = "X-Request-Id"

// WriteError answers a request with a refusal as RFC 6749 section 5.2 wants it, and
// returns its status. Whoever is refused learns the request's identifier, with
// which an operator finds it in the log.
func WriteError(w http.ResponseWriter, r *http.Request, e *clientauth.Error) int {
	h := w.Header()
	if id := r.Header.Get(RequestID); id != "" {
		h.Set(RequestID, id)
	}
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	setNoStore(h)
	code := status(e)
	switch code {
	case http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodPost)
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "1")
	}
	limitUnreadBody(w, e)
	w.WriteHeader(code)
	// The texts are constants, so that encoding them cannot fail; writing fails
	// where the client is gone, and then nobody is left to be told.
	_ = json.NewEncoder(w).Encode(e)
	return code
}

// limitUnreadBody says how long the rest of the body may take: net/http reads it before
// it answers, without a bound of its own. Where it is too much, or nobody knows
// where it ends, it is not read, and the connection ends. It ends as well where
// connections are scarce.
func limitUnreadBody(w http.ResponseWriter, e *clientauth.Error) {
	end := time.Now()
	switch e {
	case errLargeBody, errContentEncoding, errSlowBody, errBrokenBody, errNoRoom, ErrTooManyStreams, ErrLongPath:
		w.Header().Set("Connection", "close")
	default:
		end = end.Add(bodyTimeout)
	}
	// A writer that has no connection has no deadline either.
	_ = http.NewResponseController(w).SetReadDeadline(end)
}

// refuse answers a request that is not forwarded.
func (x *exchange) refuse(err error) {
	var refusal *clientauth.Error
	if !errors.As(err, &refusal) {
		refusal, x.fault = errBrokenReply, err
	}
	x.outcome = refusal.Reason
	x.write(refusal)
}

// write sends a refusal in the name of the endpoint.
func (x *exchange) write(e *clientauth.Error) {
	if e.Code == clientauth.CodeInvalidClient {
		x.w.Header().Set("Www-Authenticate", challenge(x.Realm))
	}
	WriteError(x.w, x.r, e)
}
