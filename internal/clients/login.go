package clients

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"oauthgw/clientauth"
)

// Registered answers a registration (RFC 7591 section 3.2.1). It has no secret, and is not stored.
type Registered struct {
	ClientID      string            `json:"client_id"`
	RedirectURIs  []string          `json:"redirect_uris"`
	Method        clientauth.Method `json:"token_endpoint_auth_method"`
	GrantTypes    []string          `json:"grant_types"`
	ResponseTypes []string          `json:"response_types"`
}

// Register returns the response to a registration with some redirect URIs and grant types, each a
// JSON value that may be missing. It returns nil if no client lists all of the redirect URIs. The
// client gets the grants that it asked for and that the secret is lent for.
func (t *Table) Register(redirectURIs, grantTypes json.RawMessage) *Registered {
	var uris, grants []string
	if json.Unmarshal(redirectURIs, &uris) != nil || len(uris) == 0 {
		return nil
	}
	_ = json.Unmarshal(grantTypes, &grants) // invalid ones are those of a client that asks for none
	for _, c := range t.All() {
		if c.Register && !slices.ContainsFunc(uris, func(uri string) bool { return !c.AllowsRedirect(uri) }) {
			given := slices.DeleteFunc(slices.Clone(c.Grants), func(grant string) bool { return !slices.Contains(grants, grant) })
			if len(given) == 0 { // the server may replace what the client asks for
				given = c.Grants
			}
			return &Registered{c.ID, uris, clientauth.None, given, []string{"code"}}
		}
	}
	return nil
}

// loopback are the origins of http URIs on this host without a port. The three spellings are
// different hosts (RFC 8252 section 7.3, RFC 9700 section 4.1.3).
var loopback = []string{"http://127.0.0.1", "http://[::1]", "http://localhost"}

// MatchesRedirect reports whether a redirect URI is the listed one, byte for byte (RFC 9700 section
// 2.1). A listed loopback URI without a port stands for every port, because native apps listen at
// a free one.
func MatchesRedirect(listed, uri string) bool {
	for _, origin := range loopback {
		path, isLoopback := strings.CutPrefix(listed, origin)
		if !isLoopback || path != "" && !strings.ContainsRune("/?#", rune(path[0])) {
			continue
		}
		rest, isSame := strings.CutPrefix(uri, origin+":")
		port, endsAlike := strings.CutSuffix(rest, path)
		if _, err := strconv.ParseUint(port, 10, 16); isSame && endsAlike && err == nil && port[0] != '0' {
			return true
		}
	}
	return uri == listed
}

// AllowsRedirect reports whether a redirect URI is one of the client's.
func (c Client) AllowsRedirect(uri string) bool {
	return slices.ContainsFunc(c.RedirectURIs, func(listed string) bool { return MatchesRedirect(listed, uri) })
}

// markers are the parameters that make a request one for authorization (RFC 6749 section 4.1.1, RFC
// 7636 section 4.3, RFC 9101 section 5). A form by which the user consents has none of them.
var markers = []string{"response_type", "redirect_uri", "code_challenge", "code_challenge_method", "request", "request_uri"}

var judgedParameters = append([]string{clientauth.ParameterClientID}, markers...)

// challenge matches a code challenge of the method S256, 256 bits in base64url (RFC 7636 section 4.2).
var challenge = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// pushedURI begins what the provider returns for a pushed authorization request (RFC 9126 section 2.2).
const pushedURI = "urn:ietf:params:oauth:request_uri:"

// AuthorizationRequest holds the two places of a request that say what is to be authorized.
type AuthorizationRequest struct {
	Query, Form *clientauth.Form // nil: none
	Post        bool             // the method is POST, and the request may be the consent of a user
	// Pushes says that the provider takes pushed authorization requests. They were judged then.
	Pushes bool
}

// Judged is an authorization request that may be forwarded.
type Judged struct {
	*Use
	Query, Form *clientauth.Form // to forward, with the client's ID at the provider; nil: none
}

// Judge decides about an authorization request. It returns nil for one that names no public client.
// Others must be for a code, with PKCE by S256 and a listed redirect URI. Errors are
// [*clientauth.Error] values; the provider must not get such a request. With an error,
// the result is for logs only.
func (t *Table) Judge(r AuthorizationRequest) (*Judged, error) {
	var uses []*Use
	similar, others := false, false
	for _, place := range []*clientauth.Form{r.Query, r.Form} {
		for name, id := range place.All() {
			if name != clientauth.ParameterClientID || id.IsZero() {
				continue
			}
			if use := t.find(id.Reveal()); use != nil {
				uses = append(uses, use)
				continue
			}
			similar, others = similar || resembles(id.Reveal(), t.named), true
		}
	}
	switch {
	case len(uses) == 0 && similar:
		return nil, ErrClientID
	case len(uses) == 0:
		return nil, nil
	case disguises(r.Query, judgedParameters) || disguises(r.Form, judgedParameters):
		return nil, ErrDisguisedParameter
	case repeats(r.Query) || repeats(r.Form):
		return nil, clientauth.ErrRepeatedParameter
	case others || uses[0].Client != uses[len(uses)-1].Client:
		return nil, clientauth.ErrDifferentClientID
	}
	use := uses[0]
	return &Judged{use, use.forward(r.Query), use.forward(r.Form)}, use.check(r)
}

// repeats reports whether a place repeats a judged parameter (RFC 6749 section 3.1).
func repeats(place *clientauth.Form) bool {
	seen := map[string]bool{}
	for name := range place.All() {
		if seen[name] && slices.Contains(judgedParameters, name) {
			return true
		}
		seen[name] = true
	}
	return false
}

// check checks both places of the parameters. Providers differ in which of the two they read, and
// when, so each that has a marker must be complete, and both must agree.
func (u *Use) check(r AuthorizationRequest) error {
	for _, name := range markers {
		if r.Query.Has(name) && r.Form.Has(name) && r.Query.Get(name) != r.Form.Get(name) {
			return ErrDifferentParameters
		}
	}
	complete := false
	for _, place := range []*clientauth.Form{r.Query, r.Form} {
		if !slices.ContainsFunc(markers, place.Has) {
			continue
		}
		if err := u.checkPlace(place, r.Pushes); err != nil {
			return err
		}
		complete = true
	}
	if !complete && !r.Post {
		return ErrResponseType
	}
	return nil
}

func (u *Use) checkPlace(place *clientauth.Form, pushes bool) error {
	uri := place.Get("request_uri")
	switch {
	case place.Has("request"), place.Has("request_uri") && !(pushes && strings.HasPrefix(uri, pushedURI)):
		return ErrRequestObject
	case uri != "":
		return nil
	case place.Get("response_type") != "code":
		return ErrResponseType
	case place.Get("code_challenge_method") != "S256" || !challenge.MatchString(place.Get("code_challenge")):
		return ErrChallenge
	case !u.AllowsRedirect(place.Get("redirect_uri")):
		return ErrRedirectURI
	}
	return nil
}

// forward returns the parameters for the provider. Beside a request_uri, which stands for all
// others (RFC 9126 section 4), a provider could read one that was not pushed.
func (u *Use) forward(place *clientauth.Form) *clientauth.Form {
	if place == nil {
		return nil
	}
	if place.Has("request_uri") {
		place = place.Only(clientauth.ParameterClientID, "request_uri")
	}
	return place.WithClientID(u.ID)
}
