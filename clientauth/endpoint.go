package clientauth

// Endpoint names an endpoint at which clients authenticate or register. The name is the
// configuration key, the log field, the metric label, and the first part of
// the metadata members: token of token_endpoint and of
// token_endpoint_auth_methods_supported (RFC 8414 section 2).
type Endpoint string

// The endpoints whose requests carry client authentication in a form, and the
// one at which clients say how they will.
const (
	Token                      Endpoint = "token"                        // RFC 6749 section 3.2
	Revocation                 Endpoint = "revocation"                   // RFC 7009
	Introspection              Endpoint = "introspection"                // RFC 7662
	PushedAuthorizationRequest Endpoint = "pushed_authorization_request" // RFC 9126
	DeviceAuthorization        Endpoint = "device_authorization"         // RFC 8628
	BackchannelAuthentication  Endpoint = "backchannel_authentication"   // OpenID CIBA
	Registration               Endpoint = "registration"                 // RFC 7591, in JSON
)

// Endpoints returns every endpoint, the token endpoint first.
func Endpoints() []Endpoint {
	return []Endpoint{
		Token, Revocation, Introspection,
		PushedAuthorizationRequest, DeviceAuthorization, BackchannelAuthentication,
		Registration,
	}
}
