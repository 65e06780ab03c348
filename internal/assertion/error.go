package assertion

import (
	"net/http"

	"oauthgw/clientauth"
)

// rejected is 400 and not 401: some clients do not show the description of a response with a challenge.
func rejected(reason, description string) *clientauth.Error {
	return &clientauth.Error{Status: http.StatusBadRequest, Code: clientauth.CodeInvalidClient, Reason: reason, Description: description}
}

// Errors of an assertion (RFC 7521 section 4.2.1).
var (
	ErrMalformed = rejected("assertion_malformed",
		"The client_assertion is missing or is not a signed JWT as RFC 7523 has it: three parts of base64url without padding, at most 16 KiB, no member twice, without crit, b64, cty and zip.")
	ErrType = rejected("assertion_type",
		"The client_assertion_type must be urn:ietf:params:oauth:client-assertion-type:jwt-bearer, and the typ of the client_assertion JWT or client-authentication+jwt.")
	ErrAlgorithm = rejected("assertion_algorithm",
		"The client_assertion must be signed with one of RS, PS and ES with 256, 384 or 512 bits, EdDSA and Ed25519.")
	ErrKey = rejected("assertion_key",
		"No key of this client fits the kid and the alg of the client_assertion, or it brings its own key in jwk, jku or x5u; sign it with a key that is configured for this client.")
	ErrSignature = rejected("assertion_signature",
		"The signature of the client_assertion does not verify with the keys of this client.")
	ErrIssuer = rejected("assertion_issuer",
		"The iss of the client_assertion is not one that is configured for this client; a client that signs with its own key sends its client_id as iss and sub.")
	ErrSubject = rejected("assertion_subject",
		"The sub of the client_assertion is not the one that is configured for this client and its iss.")
	ErrAudience = rejected("assertion_audience",
		"The aud of the client_assertion must be the issuer of this authorization server and nothing else.")
	ErrExpired = rejected("assertion_expired",
		"The client_assertion has expired or has no exp that is a number; create a new one, and check the clock of the client.")
	ErrEarly = rejected("assertion_early",
		"The nbf or the iat of the client_assertion is in the future or not a number; check the clock of the client.")
	ErrLifetime = rejected("assertion_lifetime",
		"The exp of the client_assertion is too far in the future; the client_assertion of a client that signs with its own key may be valid for an hour, that of a workload for a day.")
	ErrID = rejected("assertion_id",
		"The client_assertion needs a jti, a text of 1 to 255 bytes that is new for each request.")
)
