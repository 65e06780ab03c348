package proxy

import (
	"net/http"
	"slices"
	"strings"

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
