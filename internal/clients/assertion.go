package clients

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/assertion"
)

// IssuerConfig is what the operator configured about an [Issuer]. Without issuer and subject that is
// the client itself.
type IssuerConfig struct {
	Issuer   string `yaml:"issuer"`    // iss of a workload's assertions; empty: any, or the client's ID
	Subject  string `yaml:"subject"`   // sub of a workload's assertions
	Audience string `yaml:"audience"`  // aud; empty: the issuer of the authorization server
	JWKSFile string `yaml:"jwks_file"` // a JWK Set; empty: JWKSURI is set
	JWKSURI  string `yaml:"jwks_uri"`  // from which a JWK Set is fetched; empty: JWKSFile is set
	CAFile   string `yaml:"ca_file"`   // of the server of JWKSURI; empty: the system's roots
}

// Issuer signs assertions of a client (RFC 7521 section 3): the client itself, or the platform on which
// it runs.
type Issuer struct {
	IssuerConfig
	Keys  []assertion.Key // of JWKSFile
	Roots *x509.CertPool  // of CAFile

	remote *remoteKeys // of JWKSURI
}

// IsWorkload reports whether a platform signs the assertions, and not the client.
func (i Issuer) IsWorkload() bool { return i.Subject != "" }

// IsSVID reports whether the assertions are JWT-SVIDs. Their iss means nothing.
func (i Issuer) IsSVID() bool { return i.Issuer == "" && strings.HasPrefix(i.Subject, "spiffe://") }

// Method returns the authentication method of its assertions.
func (i Issuer) Method() clientauth.Method {
	if i.IsWorkload() {
		return clientauth.WorkloadJWT
	}
	return clientauth.PrivateKeyJWT
}

// mismatch returns an error if an assertion of a client names another issuer or subject.
func (i Issuer) mismatch(c *Client, a *assertion.Assertion) error {
	own := !i.IsWorkload()
	switch {
	case own && a.Issuer != c.ID && !slices.Contains(c.Aliases, a.Issuer), !own && !i.IsSVID() && a.Issuer != i.Issuer:
		return assertion.ErrIssuer
	case own && a.Subject != a.Issuer, !own && a.Subject != i.Subject:
		return assertion.ErrSubject
	}
	return nil
}

// verify returns the key with which an assertion is signed.
func (i Issuer) verify(ctx context.Context, a *assertion.Assertion) (assertion.Key, error) {
	if i.remote != nil {
		return i.remote.verify(ctx, a)
	}
	return a.Verify(i.Keys)
}

// Known returns how many keys are known. For those of JWKSURI it also returns when they were fetched;
// zero: never.
func (i Issuer) Known() (keys int, fetched time.Time) {
	if i.remote == nil {
		return len(i.Keys), time.Time{}
	}
	i.remote.mu.Lock()
	defer i.remote.mu.Unlock()
	if len(i.remote.keys) > 0 {
		fetched = i.remote.fetched
	}
	return len(i.remote.keys), fetched
}

// Attempt is a request in which a client may authenticate by an assertion.
type Attempt struct {
	clientauth.Request
	Endpoint    clientauth.Endpoint
	Own         *clientauth.Form // the endpoint's own query
	Unread      []byte           // the body, if it is not a form
	Credentials clientauth.Credentials
	// Audience returns the issuer of the authorization server that clients see, which assertions must
	// have as aud. It may wait for the metadata; empty: it is unknown.
	Audience func(context.Context) string
}

// Authenticate verifies the assertion of a client that has issuers, and returns the client, whose secret
// then replaces the assertion. It returns nil for a request that names no such client. Errors are
// [*clientauth.Error] values; the provider must not get such a request. With an error, the
// result is for logs only. The caller must still refuse a used assertion: see [Use.OneTimeID].
func (t *Table) Authenticate(ctx context.Context, r Attempt) (*Use, error) {
	if !t.HasAssertions() {
		return nil, nil
	}
	a, invalid := assertion.Parse(r.Form.Get(clientauth.ParameterClientAssertion))
	ids := []string{r.Credentials.ClientID, r.Form.Get(clientauth.ParameterClientID), r.Query.Get(clientauth.ParameterClientID)}
	ids = slices.DeleteFunc(ids, func(id string) bool { return id == "" })
	claimed := t.clientOf(a)
	use := claimed
	for _, id := range ids {
		use = cmp.Or(t.asserting[id], use)
	}
	switch {
	case use != nil:
	case r.Form == nil && mentions(string(r.Unread), t.asserting):
		return nil, ErrNotForm
	case slices.ContainsFunc(ids, func(id string) bool { return resembles(id, t.asserting) }), resemblesMember(r.Unread, t.asserting):
		return nil, ErrClientID
	default:
		return nil, nil
	}
	isOther := func(id string) bool { return t.asserting[id] == nil || t.asserting[id].Client != use.Client }
	asserts := a.IsPresent() || r.Form.Get(clientauth.ParameterClientAssertionType) != ""
	switch {
	case !asserts && !r.Credentials.Secret.IsZero(): // the gateway alone has it, or it has leaked
		return use, ErrSecretRefused
	case !asserts:
		return use, ErrAssertionRequired
	case r.Credentials.Method != clientauth.Assertion, r.Credentials.Tolerated != nil, len(r.Header["Authorization"]) > 0:
		return use, clientauth.ErrMultipleMethods
	case invalid != nil:
		return use, invalid
	case claimed != nil && claimed.Client != use.Client, slices.ContainsFunc(ids, isOther), claimed == nil && a.Issuer == a.Subject && a.Subject != "":
		return use, clientauth.ErrDifferentClientID
	}
	return use.verify(ctx, r, a)
}

// clientOf returns the client that iss and sub of an assertion name, or nil.
func (t *Table) clientOf(a *assertion.Assertion) *Use {
	if a.Issuer == a.Subject && t.asserting[a.Subject] != nil {
		return t.asserting[a.Subject]
	}
	return cmp.Or(t.workloads[[2]string{a.Issuer, a.Subject}], t.workloads[[2]string{"", a.Subject}])
}

// verify verifies an assertion of the client. Its claims are described only once the signature holds.
func (u *Use) verify(ctx context.Context, r Attempt, a *assertion.Assertion) (*Use, error) {
	used := *u
	used.assertion = a
	issuers := slices.DeleteFunc(slices.Clone(u.Issuers), func(i Issuer) bool { return i.mismatch(u.Client, a) != nil })
	if len(issuers) > 0 {
		used.Method = issuers[0].Method()
	} else {
		issuers = slices.Clone(u.Issuers)
	}
	kind := r.Form.Get(clientauth.ParameterClientAssertionType)
	issuers = slices.DeleteFunc(issuers, func(i Issuer) bool { return kind != assertion.TypeJWT && !(kind == assertion.TypeSPIFFE && i.IsSVID()) })
	if len(issuers) == 0 {
		return &used, assertion.ErrType
	}
	var found error = assertion.ErrKey
	for _, i := range issuers {
		key, err := i.verify(ctx, a)
		switch {
		case err == nil:
			used.Method, used.Issuer, used.Key = i.Method(), i, key.ID
			return &used, used.checkAssertion(ctx, r)
		case !errors.Is(found, ErrKeysUnavailable) && !errors.Is(err, assertion.ErrKey):
			found = err
		}
	}
	return &used, found
}

// checkAssertion checks the claims of the assertion, and the grant for which it is used.
func (u *Use) checkAssertion(ctx context.Context, r Attempt) error {
	rules := assertion.Rules{Audience: u.Issuer.Audience, Longest: time.Hour, Once: true}
	if u.Issuer.IsWorkload() {
		rules.Longest, rules.Once = 24*time.Hour, false
	}
	if err := u.Issuer.mismatch(u.Client, u.assertion); err != nil {
		return err
	}
	if rules.Audience == "" {
		if rules.Audience = r.Audience(ctx); rules.Audience == "" {
			return ErrIssuerUnknown
		}
	}
	if err := u.assertion.Check(rules, time.Now()); err != nil {
		return err
	}
	if r.Endpoint == clientauth.Token && len(u.Grants) > 0 {
		switch grant := r.Form.Get("grant_type"); {
		case grant == "":
			return ErrNoGrant
		case !slices.Contains(u.Grants, grant):
			return ErrGrantOfAssertion
		}
	}
	return checkQuery(r.Own, r.Request)
}

// OneTimeID returns the parts of an ID that no other assertion has, and how long it must be remembered.
// Nil means that the assertion of the request may be used again. The time allows for differences
// between the clocks of the client and of replicas.
func (u *Use) OneTimeID() (parts []string, d time.Duration) {
	if u.assertion == nil || u.Issuer.IsWorkload() {
		return nil, 0
	}
	expires, _ := u.assertion.Expires() // checked
	return append(u.assertion.Audience(), u.ID, u.assertion.ID), time.Until(expires) + time.Minute
}
