package clientauth

// Conflict is the policy for requests that present credentials twice. RFC 6749 section 2.3
// forbids a second method. Clients that send the same pair in both places are common, and
// harmless.
type Conflict string

// The policies.
const (
	ConflictDiffering Conflict = "differing" // refuse credentials that differ
	ConflictAny       Conflict = "any"       // refuse every second method
	// ConflictReport accepts all: the first method, HTTP Basic, wins, and
	// Credentials.Tolerated is the error that there would have been.
	ConflictReport Conflict = "report"
)

// resolve makes one client, with one method, of what the recognisers found.
func (r *Rules) resolve(req Request, found []recognition) (Credentials, error) {
	if len(found) == 0 {
		return unauthenticated(req), nil
	}
	first := found[0]
	conflict := r.secondMethod(found)
	switch {
	case conflict == nil && first.err != nil:
		return first.credentials, first.err
	case conflict == nil:
		conflict = otherIdentity(req, first.credentials)
	}
	if conflict != nil && (r.config.Conflict != ConflictReport || first.err != nil) {
		return first.credentials, conflict
	}
	first.credentials.Tolerated = conflict
	return first.credentials, nil
}

// unauthenticated returns the credentials of a request in which no recogniser found any.
func unauthenticated(req Request) Credentials {
	c := Credentials{Method: None, ClientID: parameterOf(req, ParameterClientID)}
	if len(req.Header["Authorization"]) > 0 {
		c.Method = Other
	}
	return c
}

// secondMethod returns an error if a further method was found, unless it presents the same
// pair and the policy accepts that. A secret without a client id is not the same: halves
// of a pair are never combined from two places.
func (r *Rules) secondMethod(found []recognition) *Error {
	first := found[0].credentials
	for _, other := range found[1:] {
		c := other.credentials
		same := found[0].err == nil && first.ClientID == c.ClientID && first.Secret.Equal(c.Secret)
		if !same || r.config.Conflict == ConflictAny {
			return ErrMultipleMethods
		}
	}
	return nil
}

// otherIdentity returns an error if a client_id parameter names another client than the
// Basic pair. Of an assertion only the provider can read the subject.
func otherIdentity(req Request, c Credentials) *Error {
	if id := parameterOf(req, ParameterClientID); c.Method == Basic && id != "" && id != c.ClientID {
		return ErrDifferentClientID
	}
	return nil
}
