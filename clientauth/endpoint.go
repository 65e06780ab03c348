package clientauth

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
