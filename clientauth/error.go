package clientauth

import (
	"encoding/json"
	"net/http"
)

// Error codes of RFC 6749 sections 5.2 and 4.1.2.1 and of RFC 7591 section 3.2.2.
const (
	CodeInvalidRequest         = "invalid_request"
	CodeInvalidClient          = "invalid_client"
	CodeServerError            = "server_error"
	CodeTemporarilyUnavailable = "temporarily_unavailable"
	CodeUnauthorizedClient     = "unauthorized_client"
	CodeInvalidClientMetadata  = "invalid_client_metadata"
	CodeInvalidRedirectURI     = "invalid_redirect_uri"
)

// Error is an error response of RFC 6749 section 5.2. Its constant texts hold nothing of a request.
type Error struct {
	Status      int    // of HTTP
	Code        string // the error parameter
	Reason      string // one word of a closed set, for logs and metrics only
	Description string // the error_description parameter: what is wrong and what to do
}

// Error implements the error interface.
func (e *Error) Error() string { return e.Code + ": " + e.Description }

// MarshalJSON returns the body of the response.
func (e *Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{e.Code, e.Description})
}

func invalidRequest(reason, description string) *Error {
	return &Error{http.StatusBadRequest, CodeInvalidRequest, reason, description}
}

// invalidClient is for clients that tried HTTP Basic (RFC 6749 section 5.2).
func invalidClient(reason, description string) *Error {
	return &Error{http.StatusUnauthorized, CodeInvalidClient, reason, description}
}

// Errors of an Authorization field.
var (
	ErrRepeatedAuthorization = invalidRequest("repeated_authorization",
		"The Authorization header field is present more than once; send it once.")
	ErrMalformedAuthorization = invalidRequest("malformed_authorization",
		"The Authorization header field is not well-formed: it needs a scheme, white space and visible ASCII characters.")
	ErrLongAuthorization = invalidRequest("long_authorization",
		"The Authorization header field is too long.")
	ErrMalformedBasic = invalidClient("malformed_basic",
		"The Authorization header field is not well-formed HTTP Basic: it needs the word Basic, a space, and the padded base64 of client id, colon and client secret.")
	ErrEncodedColon = invalidClient("encoded_colon",
		"The Basic credentials hold an encoded colon and no plain one: encode client id and client secret separately, then join them with a colon.")
	ErrEmptyClientID = invalidClient("empty_client_id",
		"The Basic credentials have an empty client id.")
	ErrBasicEscape = invalidClient("basic_escape",
		"The Basic credentials hold a percent sign that does not begin an escape: client id and client secret are form-encoded before base64 (RFC 6749 section 2.3.1).")
	ErrBasicCharacter = invalidClient("basic_character",
		"The Basic credentials hold a control character or are not UTF-8.")
)

// Errors of credentials that contradict each other or cannot move to the form.
var (
	ErrMultipleMethods = invalidRequest("multiple_methods",
		"The request uses more than one mechanism to authenticate the client; use either the Authorization header field or the form.")
	ErrDifferentClientID = invalidRequest("different_client_id",
		"The request names two different clients; client_id must be the one that authenticates.")
	ErrQueryCredentials = invalidRequest("query_credentials",
		"The request URI holds client credentials; they belong in the Authorization header field or in the body.")
	ErrNotForm = invalidRequest("not_form",
		"A request with HTTP Basic client authentication needs a body of the media type application/x-www-form-urlencoded.")
)

// Errors of a form or a query (RFC 6749 section 3.2 and appendix B).
var (
	ErrMalformedForm = invalidRequest("malformed_form",
		"The parameters are not valid application/x-www-form-urlencoded text: look for a stray percent sign, semicolon, control character or empty name.")
	ErrFormCharacter = invalidRequest("form_character",
		"A parameter is not UTF-8 text, or holds a character that is not allowed in it.")
	ErrRepeatedParameter = invalidRequest("repeated_parameter",
		"A parameter is present more than once; send each parameter once, in one place.")
	ErrParameterName = invalidRequest("parameter_name",
		"A parameter name holds a character that is not ASCII; spell each name as the standard does.")
	ErrDisguisedParameter = invalidRequest("disguised_parameter",
		"A parameter name is a variant spelling of client_id, client_secret, client_assertion, client_assertion_type or grant_type; spell it as the standard does.")
	ErrBracketedParameter = invalidRequest("bracketed_parameter",
		"A parameter name holds a square bracket, which servers read differently; send each parameter under its plain name.")
	ErrCookieParameter = invalidRequest("cookie_parameter",
		"A cookie has the name of a parameter such as client_id, client_secret or grant_type, or one that is not ASCII, and some servers read cookies as parameters; leave it out.")
	ErrMethodOverride = invalidRequest("method_override",
		"A parameter asks for another HTTP method, as _method does; leave it out.")
	ErrResponseFormat = invalidRequest("response_format",
		"A parameter chooses the format or the status of the response, as format, callback and _envelope do; leave it out, the response is JSON.")
	ErrManyParameters = invalidRequest("many_parameters",
		"The request has too many parameters.")
	ErrLongParameter = invalidRequest("long_parameter",
		"A parameter has a name or a value that is too long.")
)
