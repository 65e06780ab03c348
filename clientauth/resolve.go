package clientauth

import "slices"

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
