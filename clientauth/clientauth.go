// Package clientauth reads how an OAuth client authenticates itself.
//
// Given the header, the query and the form of a request to an endpoint at
// which clients authenticate, [Rules.Read] returns the client's [Credentials],
// or an [*Error] in the words of RFC 6749 section 5.2 saying what is wrong.
// It covers HTTP Basic and form parameters (RFC 6749 section 2.3.1), client
// assertions (RFC 7521 section 4.2) and public clients.
//
// The package judges the shape of a request and never a secret: whether the
// credentials are the right ones is for the provider to say. It performs no
// I/O, keeps no state, and all of it is safe for concurrent use.
package clientauth

import "net/http"

// Method is a client authentication method, named as in the registry of
// RFC 7591 section 2 where the request alone tells it.
type Method string

// The methods that a request can show.
const (
	// Basic is the Authorization field with the scheme of RFC 7617.
	Basic Method = "client_secret_basic"
	// Post is a client_secret parameter in the form.
	Post Method = "client_secret_post"
	// Assertion is a client_assertion parameter. Which of private_key_jwt and
	// client_secret_jwt it is shows only inside the assertion, which is not
	// opened here.
	Assertion Method = "client_assertion"
	// Other is an Authorization field of another scheme, such as Bearer, which
	// is legitimate at the introspection and revocation endpoints.
	Other Method = "other"
	// None is a public client, or a request without any client.
	None Method = "none"
)

// Request is what of an HTTP request bears on client authentication.
type Request struct {
	// Header is the header as it was received.
	Header http.Header
	// Query holds the parameters of the request URI. Nil means none.
	Query *Form
	// Form holds the parameters of the body. Nil means that the body is not a
	// form, so that credentials cannot be restated in it.
	Form *Form
}

// Credentials tell who the client says it is, and how it says so.
type Credentials struct {
	// Method is how the client authenticates. Beside an error it is the method
	// that the client tried first, in the order of the constants.
	Method Method
	// ClientID is the decoded client identifier, UTF-8 without control
	// characters when Method is Basic. Empty means the request names none.
	ClientID string
	// Secret is the decoded client secret. Zero means none was presented.
	Secret Secret
	// Reading tells how the octets of a Basic pair were understood. Empty
	// unless Method is Basic.
	Reading Reading
	// Tolerated is the error that ConflictReport let pass. Nil otherwise.
	Tolerated *Error
}

// Config is the policy of a deployment. The zero value is the default policy.
type Config struct {
	// Decoding is how a Basic pair is decoded. Defaults to DecodingAuto.
	Decoding Decoding
	// Clients overrides Decoding for single clients, by their client_id.
	// Optional.
	Clients map[string]Decoding
	// Conflict tells which second credentials are tolerated. Defaults to
	// ConflictDiffering.
	Conflict Conflict
	// InsecureQueryCredentials accepts a client secret in the request URI, where
	// it ends up in the logs of everyone on the way.
	InsecureQueryCredentials bool
}

// Rules read client authentication under one [Config]. They are immutable.
type Rules struct {
	config Config
}

// New returns the rules of a configuration. The map in it must not change
// afterwards.
func New(c Config) *Rules {
	if c.Decoding == "" {
		c.Decoding = DecodingAuto
	}
	if c.Conflict == "" {
		c.Conflict = ConflictDiffering
	}
	return &Rules{config: c}
}

// Read returns the credentials in a request. The error is an [*Error]; the
// credentials beside it hold the attempted method and are not to be used for
// anything but telling about the refusal.
//
// A client must not use more than one method per request (RFC 6749 section
// 2.3), so every recogniser looks at the request, and what they find together
// decides.
func (r *Rules) Read(req Request) (Credentials, error) {
	if err := CheckAuthorization(req.Header); err != nil {
		return Credentials{}, err
	}
	if err := checkCookies(req.Header); err != nil {
		return Credentials{}, err
	}
	if err := r.checkQuery(req); err != nil {
		return Credentials{}, err
	}
	var found []recognition
	for _, recognise := range recognisers {
		if f, ok := recognise(r, req); ok {
			found = append(found, f)
		}
	}
	return r.resolve(req, found)
}

// checkQuery refuses what a request URI must not hold. RFC 6749 section 2.3.1
// allows credentials in the body only, and section 3.2 every parameter once.
func (r *Rules) checkQuery(req Request) error {
	switch {
	case req.Query.Get(ParameterClientAssertion) != "", req.Query.Get(ParameterClientAssertionType) != "",
		req.Query.Get(ParameterClientSecret) != "" && !r.config.InsecureQueryCredentials:
		return ErrQueryCredentials
	}
	for name := range req.Query.All() {
		if req.Form.has(name) && !repeatable(name) {
			return ErrRepeatedParameter
		}
	}
	return nil
}
