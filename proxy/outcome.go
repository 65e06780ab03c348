package proxy

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
)

// otherErrors are the error codes that do not reject the client: the registered ones that an
// endpoint may send (IANA OAuth Extensions Error Registry, RFC 9126 section 2.3), and
// mfa_required of Auth0. Any other text may: frameworks send the reason phrase of the status,
// and some spell invalid_client differently.
var otherErrors = strings.Fields(`
	invalid_request invalid_grant unsupported_grant_type invalid_scope
	unauthorized_client access_denied unsupported_response_type server_error temporarily_unavailable
	unsupported_token_type invalid_token insufficient_scope
	authorization_pending slow_down expired_token
	invalid_target invalid_authorization_details invalid_dpop_proof use_dpop_nonce insufficient_user_authentication
	interaction_required login_required account_selection_required consent_required mfa_required
	invalid_request_uri invalid_request_object request_not_supported request_uri_not_supported
	expired_login_hint_token unknown_user_id missing_user_code invalid_user_code invalid_binding_message transaction_failed
	need_info request_denied request_submitted`)

// successMembers are the members that a successful response must have (RFC 6749 section
// 5.1, RFC 7662 section 2.2, RFC 9126 section 2.2, RFC 8628 section 3.2, OpenID CIBA section
// 7.3, RFC 7591 section 3.2.1). A body without its member may be an error.
var successMembers = map[clientauth.Endpoint]string{
	clientauth.Token:                      "access_token",
	clientauth.Introspection:              "active",
	clientauth.PushedAuthorizationRequest: "request_uri",
	clientauth.DeviceAuthorization:        "device_code",
	clientauth.BackchannelAuthentication:  "auth_req_id",
	clientauth.Registration:               memberClientID,
}

// outcome returns what a response means for the client. It is unclear if another reader could
// read it differently or not at all, or if its error may be another name of invalid_client.
func (r response) outcome(endpoint clientauth.Endpoint) string {
	if r.status >= http.StatusInternalServerError {
		return OutcomeFailed
	}
	body, err := r.object, r.err
	code := body.Text("error")
	// With 401, Keycloak rejects a secret as unauthorized_client and Auth0 as access_denied.
	ofSecret := r.status == http.StatusUnauthorized && (code == "unauthorized_client" || code == "access_denied")
	member, required := successMembers[endpoint]
	success := r.status < http.StatusMultipleChoices
	switch {
	case code == clientauth.CodeInvalidClient && r.mayReject():
		return OutcomeRejected
	case !success && slices.Contains(otherErrors, code) && !ofSecret,
		// Some providers send errors with 200.
		success && err == nil && !hasMember(body, "error") && (!required || hasMember(body, member)),
		success && r.isReadableAt(endpoint):
		return OutcomeAccepted
	}
	return OutcomeUnclear
}

// mayReject reports whether providers reject a client by the status (RFC 6749: 400 and 401).
func (r response) mayReject() bool {
	return r.status == http.StatusBadRequest || r.status == http.StatusUnauthorized || r.status == http.StatusForbidden
}

func hasMember(body jsonobject.Object, name string) bool {
	value := body.Get(name)
	return value != nil && string(value) != "null"
}

// isReadableAt reports whether a successful response that is not JSON is what the standard
// of its endpoint has: an empty body at revocation (RFC 7009 section 2.2), or a JWT at
// introspection, with the media type of RFC 9701 section 5, or that of Curity and Keycloak.
func (r response) isReadableAt(endpoint clientauth.Endpoint) bool {
	switch endpoint {
	case clientauth.Revocation:
		return len(r.body) == 0
	case clientauth.Introspection:
		return r.mediaType == "application/token-introspection+jwt" || r.mediaType == "application/jwt"
	}
	return false
}

// Decision is the outcome of one request. It holds no secret, and its texts are bounded.
type Decision struct {
	Time      time.Time // of the request's arrival
	Endpoint  clientauth.Endpoint
	Method    clientauth.Method  // at the registration endpoint, what the client asks for; empty: unknown
	Reading   clientauth.Reading // empty: there was no HTTP Basic pair
	Outcome   string             // one of the outcomes, or the reason for which the gateway refused the request
	Failure   string             // a reason of oauthgw_upstream_errors_total; empty: there was a usable response, or no request to the provider
	Tolerated string             // the reason for which only conflict: report let the request pass
	Repairs   []string           // the names of what was repaired in the request and the response, in this order
	Status    int                // of the response; zero: there was none
	RequestID string             // as in the log line; empty: none
	ClientID  string             // as the client sent it, at most 128 bytes; empty: none
	Client    string             // the configured client whose secret was lent, or that was registered; empty: none
	Alias     string             // the configured alias by which the request named it; empty: its ID
	Key       string             // the ID of the key with which the assertion was signed; empty: none
	Issuer    string             // the configured issuer of the workload's assertion; empty: none
	Subject   string             // the configured subject of the workload's assertion; empty: none
	ClientIP  string             // as far as proxies are trusted; empty: a Unix socket
}

// Refused reports whether the gateway or the provider refused the request.
func (d Decision) Refused() bool {
	switch d.Outcome {
	case OutcomeUnclear:
		return d.Status >= http.StatusBadRequest
	case OutcomeAccepted, OutcomeRegistered, OutcomeFailed, OutcomeCanceled, OutcomePanicked:
		return false
	}
	return true
}

// Answered reports whether the provider responded and did not fail.
func (d Decision) Answered() bool {
	return d.Outcome == OutcomeAccepted || d.Outcome == OutcomeRejected || d.Outcome == OutcomeUnclear
}

// SecretRejected reports whether the provider rejected the secret of Client.
func (d Decision) SecretRejected() bool { return d.Failure == errSecretRejected.Reason }

// SecretAccepted reports whether the provider accepted the secret of Client. Only a token shows
// that: at other endpoints, and in front of other errors, some providers do not check it.
func (d Decision) SecretAccepted() bool {
	return d.Client != "" && d.Endpoint == clientauth.Token && d.Outcome == OutcomeAccepted && d.Status < http.StatusMultipleChoices
}

// Attrs returns the attributes of an audit record, which has its own time.
func (d Decision) Attrs() []slog.Attr {
	attrs := d.appendAttrs([]slog.Attr{slog.String("endpoint", string(d.Endpoint)), slog.Int("status", d.Status)})
	if d.ClientIP != "" {
		attrs = append(attrs, slog.String("client_ip", d.ClientIP))
	}
	return attrs
}

// appendAttrs appends the attributes that the log line of another request does not have.
func (d *Decision) appendAttrs(attrs []slog.Attr) []slog.Attr {
	for _, a := range [...]slog.Attr{
		slog.String("outcome", d.Outcome),
		slog.String("auth_method", d.method()),
		slog.String("client_id", d.ClientID),
		slog.String("client", d.Client),
		slog.String("alias", d.Alias),
		slog.String("key", d.Key),
		slog.String("issuer", d.Issuer),
		slog.String("subject", d.Subject),
		slog.String("basic_decoding", string(d.Reading)),
		slog.String("conflict_tolerated", d.Tolerated),
		slog.String("repairs", strings.Join(d.Repairs, ",")),
	} {
		if a.Value.String() != "" {
			attrs = append(attrs, a)
		}
	}
	return attrs
}

func (d *Decision) method() string { return cmp.Or(string(d.Method), "unknown") }

// AddressText returns the address of a client for a log line.
func AddressText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// abbreviate bounds what a client can write into a log line.
func abbreviate(s string) string {
	const limit = 128
	if len(s) > limit {
		return s[:limit] + "…"
	}
	return s
}
