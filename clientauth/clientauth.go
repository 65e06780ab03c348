// Package clientauth reads how an OAuth client authenticates in an HTTP request.
//
// [Rules.Read] takes the header, the query and the form of a request to an endpoint at
// which clients authenticate. It returns the client's [Credentials], or an [*Error] of
// RFC 6749 section 5.2. It knows HTTP Basic and form parameters (RFC 6749 section 2.3.1),
// client assertions (RFC 7521 section 4.2) and public clients.
//
// The package never compares a secret with the client's: that is for the provider.
package clientauth

import (
	"cmp"
	"net/http"
)

// Method is a client authentication method, named as in RFC 7591 section 2 if the request
// alone shows which one it is. A further method needs a constant, a recogniser in recognise.go
// and an exchange file; if its credential can be guessed, also a line in proxy/failurelimit.go.
type Method string

const (
	Basic Method = "client_secret_basic" // the Authorization field, RFC 7617
	Post  Method = "client_secret_post"  // a client_secret parameter
	// Assertion is a client_assertion parameter (RFC 7521 section 4.2). Which kind it is, only a
	// verifier that knows the client can tell: one of the next two, or client_secret_jwt.
	Assertion     Method = "client_assertion"
	PrivateKeyJWT Method = "private_key_jwt" // signed by the client (OpenID Connect Core section 9)
	WorkloadJWT   Method = "workload_jwt"    // signed by the platform on which the client runs
	// Other is an Authorization field with another scheme, as Bearer at introspection.
	Other Method = "other"
	None  Method = "none" // a public client, or no client at all
)

// Request holds the parts of an HTTP request that client authentication depends on.
type Request struct {
	Header http.Header // as received
	Query  *Form       // of the request URI; nil means no parameters
	Form   *Form       // of the body; nil means that the body is not a form
}

// Credentials are what a client authenticates with.
type Credentials struct {
	// Method is how the client authenticates or, with an error, the first method that it tried.
	Method    Method
	ClientID  string  // decoded; empty: the request names no client
	Secret    Secret  // decoded; zero: none
	Reading   Reading // how a Basic pair was decoded; empty: there was none
	Tolerated *Error  // the error that ConflictReport let pass, or nil
}

// Config is the policy of a deployment. The zero value is the default policy.
type Config struct {
	Decoding Decoding            // of Basic pairs; empty: DecodingAuto
	Clients  map[string]Decoding // overrides Decoding by client_id
	Conflict Conflict            // empty: ConflictDiffering
	// InsecureQueryCredentials accepts a client secret in the request URI, which servers log.
	InsecureQueryCredentials bool
	Repeatable               []string // further parameters that may repeat
}

// Rules read client authentication under one [Config]. They are immutable.
type Rules struct{ config Config }

// New returns the rules of a configuration, whose map and list the caller must not change.
func New(c Config) *Rules {
	c.Decoding = cmp.Or(c.Decoding, DecodingAuto)
	c.Conflict = cmp.Or(c.Conflict, ConflictDiffering)
	return &Rules{config: c}
}

// Read returns the credentials in a request, or beside an [*Error], for logs only. A client
// must not use more than one method (RFC 6749 section 2.3), so every recogniser examines the
// request, and resolve compares what they find.
func (r *Rules) Read(req Request) (Credentials, error) {
	if err := cmp.Or(CheckAuthorization(req.Header), checkCookies(req.Header), r.checkQuery(req)); err != nil {
		return Credentials{}, err
	}
	found := make([]recognition, 0, 3) // on the stack
	for _, recognise := range recognisers {
		if f, ok := recognise(r, req); ok {
			found = append(found, f)
		}
	}
	return r.resolve(req, found)
}

// checkQuery refuses credentials in the request URI (RFC 6749 section 2.3.1 allows them in
// the body only) and parameters that are in the body as well (section 3.2).
func (r *Rules) checkQuery(req Request) error {
	if req.Query.Get(ParameterClientAssertion) != "" || req.Query.Get(ParameterClientAssertionType) != "" ||
		req.Query.Get(ParameterClientSecret) != "" && !r.config.InsecureQueryCredentials {
		return ErrQueryCredentials
	}
	for name := range req.Query.All() {
		if req.Form.Has(name) && !r.mayRepeat(name, req.Form) {
			return ErrRepeatedParameter
		}
	}
	return nil
}

// Endpoint names an endpoint at which clients authenticate or register: in the configuration,
// logs, metrics and metadata. A further endpoint needs a constant, an entry in [Endpoints],
// the member of its successful responses in proxy/outcome.go, and an exchange file.
type Endpoint string

const (
	Token                      Endpoint = "token"                        // RFC 6749 section 3.2
	Revocation                 Endpoint = "revocation"                   // RFC 7009
	Introspection              Endpoint = "introspection"                // RFC 7662
	PushedAuthorizationRequest Endpoint = "pushed_authorization_request" // RFC 9126
	DeviceAuthorization        Endpoint = "device_authorization"         // RFC 8628
	BackchannelAuthentication  Endpoint = "backchannel_authentication"   // OpenID CIBA
	Registration               Endpoint = "registration"                 // RFC 7591, in JSON
	// Authorization is RFC 6749 section 3.1. Users log in there, not clients: [Endpoints] lacks it.
	Authorization Endpoint = "authorization"
)

// Endpoints returns every endpoint, the token endpoint first.
func Endpoints() []Endpoint {
	return []Endpoint{Token, Revocation, Introspection,
		PushedAuthorizationRequest, DeviceAuthorization, BackchannelAuthentication, Registration}
}

// AllEndpoints returns every endpoint that has a name: [Endpoints], and [Authorization] last.
func AllEndpoints() []Endpoint { return append(Endpoints(), Authorization) }
