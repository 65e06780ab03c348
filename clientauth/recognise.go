package clientauth

import (
	"cmp"
	"slices"
)

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
	if len(r.config.Clients) == 0 {
		return r.config.Decoding
	}
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

// Conflict is the policy for requests that present credentials twice, which RFC 6749 section
// 2.3 forbids. Clients that send the same pair in both places are common, and harmless.
type Conflict string

const (
	ConflictDiffering Conflict = "differing" // refuse credentials that differ
	ConflictAny       Conflict = "any"       // refuse every second method
	// ConflictReport accepts all: the first method, HTTP Basic, wins, and
	// Credentials.Tolerated is the error that there would have been.
	ConflictReport Conflict = "report"
)

// resolve makes one client, with one method, of what the recognisers found.
func (r *Rules) resolve(req Request, found []recognition) (Credentials, error) {
	id := parameterOf(req, ParameterClientID)
	if len(found) == 0 {
		method := None
		if len(req.Header["Authorization"]) > 0 {
			method = Other
		}
		return Credentials{Method: method, ClientID: id}, nil
	}
	c, err := found[0].credentials, found[0].err
	var conflict *Error
	switch {
	case r.isConflict(found):
		conflict = ErrMultipleMethods
	case err != nil:
		return c, err
	// Of an assertion only the provider can read the subject.
	case c.Method == Basic && id != "" && id != c.ClientID:
		conflict = ErrDifferentClientID
	}
	if conflict != nil && (err != nil || r.config.Conflict != ConflictReport) {
		return c, conflict
	}
	c.Tolerated = conflict
	return c, nil
}

// isConflict reports whether a further method was found, unless it presents the same pair and
// the policy accepts that. Halves of a pair are never combined from two places.
func (r *Rules) isConflict(found []recognition) bool {
	first := found[0].credentials
	return slices.ContainsFunc(found[1:], func(other recognition) bool {
		c := other.credentials
		same := found[0].err == nil && !c.Secret.IsZero() && first.ClientID == c.ClientID && first.Secret.Equal(c.Secret)
		return !same || r.config.Conflict == ConflictAny
	})
}
