// Package assertion verifies client assertions: JWTs by which clients authenticate without a shared
// secret (RFC 7521, RFC 7523, RFC 8725).
//
// [Parse] reads an assertion, [Assertion.Verify] verifies its signature with one of some keys, which
// [ParseKeys] reads, and [Assertion.Check] checks its claims. The package keeps no state and sends
// nothing. Whether an assertion was used before is for the caller to find out.
package assertion

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"oauthgw/internal/jsonobject"

	"github.com/go-jose/go-jose/v4"
)

// The values of client_assertion_type (RFC 7523 section 2.2, draft-ietf-oauth-spiffe-client-auth).
const (
	TypeJWT    = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	TypeSPIFFE = "urn:ietf:params:oauth:client-assertion-type:jwt-spiffe"
)

const (
	maxSize = 16 << 10         // of an assertion, in bytes
	skew    = 30 * time.Second // between the clocks of a client and the gateway, either way
)

var (
	rsaAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	algorithms    = append(slices.Clone(rsaAlgorithms), "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
)

// Algorithms returns the accepted signature algorithms (RFC 7518 section 3.1, RFC 8037, RFC 9864).
// All are asymmetric.
func Algorithms() []string { return slices.Clone(algorithms) }

// Assertion is a client assertion. Its texts are what the client claims: they are true only after
// Verify, and its times are right only after Check. It is immutable.
type Assertion struct {
	Algorithm string
	KeyID     string // the kid; empty: none
	Type      string // the typ; empty: none
	Issuer    string // the iss; empty: none
	Subject   string // the sub; empty: none
	ID        string // the jti; empty: none

	compact string
	claims  jsonobject.Object
}

// Parse reads an assertion in the compact serialization (RFC 7515 section 3.1), and refuses what two
// parsers could read differently. With an error, the result has what could be read, and must not be
// verified. Errors are those of this package.
func Parse(compact string) (*Assertion, error) {
	a := &Assertion{compact: compact}
	parts := strings.Split(compact, ".")
	if len(compact) > maxSize || len(parts) != 3 {
		return a, ErrMalformed
	}
	header, err1 := decodeObject(parts[0])
	claims, err2 := decodeObject(parts[1])
	if err2 == nil {
		a.claims = claims
		a.Issuer, a.Subject, a.ID = claims.Text("iss"), claims.Text("sub"), claims.Text("jti")
	}
	a.Algorithm, a.KeyID, a.Type = header.Text("alg"), header.Text("kid"), header.Text("typ")
	if _, err := decode(parts[2]); err != nil || err1 != nil || err2 != nil {
		return a, ErrMalformed
	}
	return a, a.checkHeader(header)
}

// types are the values that typ may have, in lower case (RFC 7519 section 5.1,
// draft-ietf-oauth-rfc7523bis section 4). Any other is that of a JWT for another purpose (RFC 8725 section 3.11).
var types = []string{"jwt", "jose", "client-authentication+jwt"}

func (a *Assertion) checkHeader(header jsonobject.Object) error {
	has := func(name string) bool { return header.Get(name) != nil }
	switch {
	case slices.ContainsFunc([]string{"crit", "b64", "cty", "zip"}, has), has("kid") && a.KeyID == "":
		return ErrMalformed
	case slices.ContainsFunc([]string{"jwk", "jku", "x5u"}, has): // a key that anyone can choose (RFC 8725 section 3.10)
		return ErrKey
	case !slices.Contains(algorithms, a.Algorithm):
		return ErrAlgorithm
	case has("typ") && !slices.Contains(types, strings.TrimPrefix(strings.ToLower(a.Type), "application/")):
		return ErrType
	}
	return nil
}

// decode decodes base64url without padding (RFC 7515 section 2). The decoder skips line ends.
func decode(part string) ([]byte, error) {
	if strings.ContainsAny(part, "\r\n") {
		return nil, ErrMalformed
	}
	return base64.RawURLEncoding.Strict().DecodeString(part)
}

func decodeObject(part string) (jsonobject.Object, error) {
	text, err := decode(part)
	if err != nil || !utf8.Valid(text) {
		return jsonobject.Object{}, ErrMalformed
	}
	return jsonobject.Parse(text)
}

// IsPresent reports whether there is any text of an assertion.
func (a *Assertion) IsPresent() bool { return a.compact != "" }

// maxTried bounds the signatures that are verified for one assertion.
const maxTried = 8

// Verify returns the key with which the assertion is signed. The key decides which algorithm it is
// for (RFC 8725 section 3.1).
func (a *Assertion) Verify(keys []Key) (Key, error) {
	jws, err := jose.ParseSignedCompact(a.compact, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(a.Algorithm)})
	if err != nil {
		return Key{}, ErrMalformed
	}
	tried := 0
	for _, k := range keys {
		if tried == maxTried || !k.fits(a) {
			continue
		}
		tried++
		if _, err := jws.Verify(k.verifier()); err == nil {
			return k, nil
		}
	}
	if tried == 0 {
		return Key{}, ErrKey
	}
	return Key{}, ErrSignature
}

// Rules are what the claims of an assertion must be.
type Rules struct {
	Audience string        // its only aud
	Longest  time.Duration // from now to its exp, at most
	Once     bool          // it must have a jti, because it may be used only once
}

// maxID bounds a jti, in bytes.
const maxID = 255

// Check checks the claims that an assertion must have besides issuer and subject (RFC 7523 section 3).
func (a *Assertion) Check(r Rules, now time.Time) error {
	audience := a.Audience()
	expires, err := a.Expires()
	notBefore, err1 := a.time("nbf")
	issued, err2 := a.time("iat")
	switch {
	case len(audience) != 1 || audience[0] != r.Audience || r.Audience == "":
		return ErrAudience
	case err != nil || expires.IsZero() || now.After(expires.Add(skew)):
		return ErrExpired
	case err1 != nil || err2 != nil || notBefore.After(now.Add(skew)) || issued.After(now.Add(skew)):
		return ErrEarly
	case expires.After(now.Add(r.Longest + skew)):
		return ErrLifetime
	case r.Once && (a.ID == "" || len(a.ID) > maxID):
		return ErrID
	}
	return nil
}

// Audience returns the aud, which is a text or a list of texts; nil: there is none.
func (a *Assertion) Audience() []string {
	value := a.claims.Get("aud")
	var list []string
	switch {
	case len(value) > 0 && value[0] == '"':
		return []string{a.claims.Text("aud")}
	case json.Unmarshal(value, &list) != nil || slices.Contains(list, ""): // null reads as ""
		return nil
	}
	return list
}

// Expires returns the exp; zero: there is none. It must be a number, perhaps with a fraction.
func (a *Assertion) Expires() (time.Time, error) { return a.time("exp") }

// time returns a NumericDate (RFC 7519 section 2); zero: there is none.
func (a *Assertion) time(claim string) (time.Time, error) {
	const latest = 1e11 // seconds; a duration to it may overflow, a comparison does not
	value := a.claims.Get(claim)
	if value == nil {
		return time.Time{}, nil
	}
	seconds, err := strconv.ParseFloat(string(value), 64) // of JSON it takes numbers only
	if err != nil || seconds < 0 || seconds > latest {
		return time.Time{}, ErrMalformed
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*float64(time.Second))), nil
}
