package clientauth

import "cmp"

// The form parameters of client authentication (RFC 6749 section 2.3.1, RFC 7521 section 4.2).
const (
	ParameterClientID            = "client_id"
	ParameterClientSecret        = "client_secret"
	ParameterClientAssertion     = "client_assertion"
	ParameterClientAssertionType = "client_assertion_type"

	parameterGrantType = "grant_type"
)

// reserved reports whether a parameter carries client authentication.
func reserved(name string) bool {
	return name == ParameterClientID || name == ParameterClientSecret ||
		name == ParameterClientAssertion || name == ParameterClientAssertionType
}

// recognition is one method found in a request: its credentials, or why they cannot be read.
type recognition struct {
	credentials Credentials
	err         error
}

// recognisers holds one function per method that presents a credential. Each returns false if
// the request does not try its method. Two findings are a conflict, which resolve handles.
var recognisers = []func(*Rules, Request) (recognition, bool){
	(*Rules).recogniseBasic,
	(*Rules).recognisePost,
	(*Rules).recogniseAssertion,
}

func (r *Rules) recogniseBasic(req Request) (recognition, bool) {
	id, secret, tried, err := basicPair(req.Header)
	if !tried {
		return recognition{}, false
	}
	c := Credentials{Method: Basic}
	if err == nil && req.Form == nil {
		err = ErrNotForm
	}
	if err != nil {
		return recognition{c, err}, true
	}
	id, secret, c.Reading, err = r.decodingFor(id).decode(id, secret)
	c.ClientID, c.Secret = id, NewSecret(secret)
	return recognition{c, err}, true
}

// decodingFor returns the decoding for a client id as it was sent. The configuration names
// decoded ids, so an entry applies if its own decoding of what was sent gives its id.
func (r *Rules) decodingFor(sent string) Decoding {
	for _, d := range []Decoding{DecodingRaw, DecodingForm, DecodingAuto} {
		id, _, _, err := d.decode(sent, "")
		if err == nil && r.config.Clients[id] == d {
			return d
		}
	}
	return r.config.Decoding
}

func (r *Rules) recognisePost(req Request) (recognition, bool) {
	// RFC 6749 section 3.2: a parameter without a value is treated as omitted.
	secret := parameterOf(req, ParameterClientSecret)
	if secret == "" {
		return recognition{}, false
	}
	return recognition{credentials: Credentials{
		Method: Post, ClientID: parameterOf(req, ParameterClientID), Secret: NewSecret(secret),
	}}, true
}

func (r *Rules) recogniseAssertion(req Request) (recognition, bool) {
	tried := req.Form.Get(ParameterClientAssertion) != "" || req.Form.Get(ParameterClientAssertionType) != ""
	return recognition{credentials: Credentials{Method: Assertion, ClientID: parameterOf(req, ParameterClientID)}}, tried
}

// parameterOf returns a parameter of the form or the query. After checkQuery only one has it.
func parameterOf(req Request, name string) string {
	return cmp.Or(req.Form.Get(name), req.Query.Get(name))
}
