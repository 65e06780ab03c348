package clientauth

import "encoding/json"

// The error codes of RFC 6749 sections 5.2 and 4.1.2.1 and of RFC 7591 section
// 3.2.2 that are spoken here.
const (
	CodeInvalidRequest         = "invalid_request"
	CodeInvalidClient          = "invalid_client"
	CodeServerError            = "server_error"
	CodeTemporarilyUnavailable = "temporarily_unavailable"
	CodeInvalidClientMetadata  = "invalid_client_metadata"
)

// Error is a refusal in the words of RFC 6749 section 5.2. Its texts are
// constants: nothing of a request is ever put into one.
type Error struct {
	// Code is the error parameter.
	Code string
	// Description is the error_description parameter: what is wrong and what
	// to do, in the characters that section 5.2 allows.
	Description string
	// Reason is the refusal in one word out of a closed set, for logs and
	// metrics. It is not shown to the client.
	Reason string
}

// Error implements the error interface.
func (e *Error) Error() string { return e.Code + ": " + e.Description }

// MarshalJSON returns the body of an error response (RFC 6749 section 5.2).
func (e *Error) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{e.Code, e.Description})
}

// Refusals of an Authorization field. A client that tried HTTP Basic and
// failed is told invalid_client, so that it receives a challenge (RFC 6749
// section 5.2).
var (
	ErrRepeatedAuthorization = &Error{CodeInvalidRequest,
		"The Authorization header field is present more than once; send it once.",
		"repeated_authorization"}
	ErrMalformedAuthorization = &Error{CodeInvalidRequest,
		"The Authorization header field is not well-formed: it needs a scheme, white space and visible ASCII characters.",
		"malformed_authorization"}
	ErrLongAuthorization = &Error{CodeInvalidRequest,
		"The Authorization header field is too long.",
		"long_authorization"}
	ErrMalformedBasic = &Error{CodeInvalidClient,
		"The Authorization header field is not well-formed HTTP Basic: it needs the word Basic, a space, and the padded base64 of client id, colon and client secret.",
		"malformed_basic"}
	ErrEncodedColon = &Error{CodeInvalidClient,
		"The Basic credentials hold an encoded colon and no plain one: encode client id and client secret separately, then join them with a colon.",
		"encoded_colon"}
	ErrEmptyClientID = &Error{CodeInvalidClient,
		"The Basic credentials have an empty client id.",
		"empty_client_id"}
	ErrBasicEscape = &Error{CodeInvalidClient,
		"The Basic credentials hold a percent sign that does not begin an escape: client id and client secret are form-encoded before base64 (RFC 6749 section 2.3.1).",
		"basic_escape"}
	ErrBasicCharacter = &Error{CodeInvalidClient,
		"The Basic credentials hold a control character or are not UTF-8.",
		"basic_character"}
)

// Refusals of credentials that contradict each other or cannot be restated.
var (
	ErrMultipleMethods = &Error{CodeInvalidRequest,
		"The request uses more than one mechanism to authenticate the client; use either the Authorization header field or the form.",
		"multiple_methods"}
	ErrDifferentClientID = &Error{CodeInvalidRequest,
		"The request names two different clients; client_id must be the one that authenticates.",
		"different_client_id"}
	ErrQueryCredentials = &Error{CodeInvalidRequest,
		"The request URI holds client credentials; they belong in the Authorization header field or in the body.",
		"query_credentials"}
	ErrNotForm = &Error{CodeInvalidRequest,
		"A request with HTTP Basic client authentication needs a body of the media type application/x-www-form-urlencoded.",
		"not_form"}
)

// Refusals of a form or a query (RFC 6749 section 3.2 and appendix B).
var (
	ErrMalformedForm = &Error{CodeInvalidRequest,
		"The parameters are not valid application/x-www-form-urlencoded text: look for a stray percent sign, semicolon, control character or empty name.",
		"malformed_form"}
	ErrFormCharacter = &Error{CodeInvalidRequest,
		"A parameter is not UTF-8 text, or holds a character that is not allowed in it.",
		"form_character"}
	ErrRepeatedParameter = &Error{CodeInvalidRequest,
		"A parameter is present more than once; send each parameter once, in one place.",
		"repeated_parameter"}
	ErrParameterName = &Error{CodeInvalidRequest,
		"A parameter name holds a character that is not ASCII; spell each name as the standard does.",
		"parameter_name"}
	ErrDisguisedParameter = &Error{CodeInvalidRequest,
		"A parameter name is a variant spelling of client_id, client_secret, client_assertion, client_assertion_type or grant_type; spell it as the standard does.",
		"disguised_parameter"}
	ErrBracketedParameter = &Error{CodeInvalidRequest,
		"A parameter name holds a square bracket, which servers read differently; send each parameter under its plain name.",
		"bracketed_parameter"}
	ErrCookieParameter = &Error{CodeInvalidRequest,
		"A cookie has the name of a parameter such as client_id, client_secret or grant_type, or one that is not ASCII, and some servers read cookies as parameters; leave it out.",
		"cookie_parameter"}
	ErrMethodOverride = &Error{CodeInvalidRequest,
		"A parameter asks for another HTTP method, as _method does; leave it out.",
		"method_override"}
	ErrResponseFormat = &Error{CodeInvalidRequest,
		"A parameter chooses the format or the status of the response, as format, callback and _envelope do; leave it out, the response is JSON.",
		"response_format"}
	ErrManyParameters = &Error{CodeInvalidRequest,
		"The request has too many parameters.",
		"many_parameters"}
	ErrLongParameter = &Error{CodeInvalidRequest,
		"A parameter has a name or a value that is too long.",
		"long_parameter"}
)
