package clientauth

// Conflict tells what becomes of a request that presents credentials twice.
type Conflict string

// RFC 6749 section 2.3 forbids a second method outright; clients that send
// the same credentials in both places are common, and harmless.
const (
	// ConflictDiffering refuses credentials that differ and accepts a pair that
	// is the same in both places.
	ConflictDiffering Conflict = "differing"
	// ConflictAny refuses every second method, as the standard says.
	ConflictAny Conflict = "any"
	// ConflictReport refuses none: HTTP Basic wins, and the refusal that would
	// have been is returned beside the credentials.
	ConflictReport Conflict = "report"
)

// resolve turns what the recognisers found into one client: one method, one
// identity.
func (r *Rules) resolve(req Request, found []recognition) (Credentials, error) {
	if len(found) == 0 {
		return unauthenticated(req), nil
	}
	first := found[0]
	refusal := r.secondMethod(found)
	if refusal == nil && first.err != nil {
		return first.credentials, first.err
	}
	if refusal == nil {
		refusal = otherIdentity(req, first.credentials)
	}
	if refusal == nil {
		return first.credentials, nil
	}
	if r.config.Conflict != ConflictReport || first.err != nil {
		return first.credentials, refusal
	}
	first.credentials.Tolerated = refusal
	return first.credentials, nil
}

// unauthenticated describes a request that presents no credential: one with an
// Authorization field that is not ours to read, or a public client.
func unauthenticated(req Request) Credentials {
	c := Credentials{Method: None, ClientID: parameterOf(req, ParameterClientID)}
	if len(req.Header["Authorization"]) > 0 {
		c.Method = Other
	}
	return c
}

// secondMethod returns the refusal of a request in which more than one method
// was found, or nil where there is one, or the second says the same as the
// first and that is tolerated.
func (r *Rules) secondMethod(found []recognition) *Error {
	for _, other := range found[1:] {
		same := found[0].err == nil && found[0].credentials.same(other.credentials)
		if !same || r.config.Conflict == ConflictAny {
			return ErrMultipleMethods
		}
	}
	return nil
}

// same reports whether two methods present the same client id and secret. A
// secret without a client id beside it is not the same: halves of a credential
// are never put together from two places.
func (c Credentials) same(d Credentials) bool {
	return c.ClientID == d.ClientID && c.Secret.Equal(d.Secret)
}

// otherIdentity returns the refusal of a client_id parameter that names
// another client than the one that authenticates (RFC 7521 section 4.2 says
// the same of assertions, whose subject only the provider can read).
func otherIdentity(req Request, c Credentials) *Error {
	if id := parameterOf(req, ParameterClientID); c.Method == Basic && id != "" && id != c.ClientID {
		return ErrDifferentClientID
	}
	return nil
}
