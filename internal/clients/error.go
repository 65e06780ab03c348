package clients

import (
	"net/http"

	"oauthgw/clientauth"
)

func invalidRequest(reason, description string) *clientauth.Error {
	return &clientauth.Error{Status: http.StatusBadRequest, Code: clientauth.CodeInvalidRequest, Reason: reason, Description: description}
}

func unavailable(reason, description string) *clientauth.Error {
	return &clientauth.Error{Status: http.StatusServiceUnavailable, Code: clientauth.CodeTemporarilyUnavailable, Reason: reason, Description: description}
}

// Errors of requests for a client that must authenticate by an assertion.
var (
	ErrAssertionRequired = &clientauth.Error{Status: http.StatusBadRequest, Code: clientauth.CodeInvalidClient, Reason: "assertion_required",
		Description: "This client must authenticate with a client_assertion in the form (RFC 7523)."}
	ErrSecretRefused = &clientauth.Error{Status: http.StatusBadRequest, Code: clientauth.CodeInvalidClient, Reason: "secret_refused",
		Description: "This client may not authenticate with a secret; it needs a client_assertion in the form (RFC 7523)."}
	ErrGrantOfAssertion = &clientauth.Error{Status: http.StatusBadRequest, Code: clientauth.CodeUnauthorizedClient, Reason: "grant_not_allowed",
		Description: "This client may not use this grant; it is not one of those that are configured for it."}
	ErrNotForm = invalidRequest("not_form",
		"The body is not a form and names a client that must authenticate with a client_assertion; send the media type application/x-www-form-urlencoded.")
	ErrKeysUnavailable = unavailable("keys_unavailable",
		"The keys of this client cannot be fetched just now; the request was not sent and may be repeated with a new client_assertion.")
	ErrIssuerUnknown = unavailable("issuer_unknown",
		"The issuer of this authorization server is not known yet, because its metadata cannot be read; the request was not sent and may be repeated with a new client_assertion.")
)

// Errors of requests for a public client.
var (
	ErrNoGrant = invalidRequest("no_grant",
		"The parameter grant_type is missing.")
	ErrGrant = &clientauth.Error{Status: http.StatusBadRequest, Code: clientauth.CodeUnauthorizedClient, Reason: "grant_not_allowed",
		Description: "This client may not use this grant without a secret of its own."}
	ErrNoVerifier = invalidRequest("no_code_verifier",
		"A code needs a code_verifier of 43 to 128 letters, digits, hyphens, dots, underscores and tildes (RFC 7636 section 4.1).")
	ErrRedirectURI = invalidRequest("redirect_uri",
		"The redirect_uri is missing or is not one of those that are configured for this client.")
	ErrResponseType = invalidRequest("response_type",
		"This client may only use response_type=code.")
	ErrChallenge = invalidRequest("code_challenge",
		"This client must use PKCE with code_challenge_method=S256 and a code_challenge of 43 characters (RFC 7636).")
	ErrRequestObject = invalidRequest("request_object",
		"This client may not use the parameters request and request_uri, except for a request_uri of the pushed authorization request endpoint.")
	ErrDifferentParameters = invalidRequest("different_parameters",
		"A parameter has one value in the URI and another one in the form; send it in one place.")
	ErrQueryParameter = invalidRequest("query_parameter",
		"This client must send its parameters in the form and not in the URI.")
	ErrDisguisedParameter = invalidRequest("disguised_parameter",
		"A parameter name is a variant spelling of another one, such as redirect_uri; spell it as the standard does.")
	ErrClientID = invalidRequest("client_id",
		"The client_id is not spelled as it is configured; identifiers are compared byte for byte.")
)
