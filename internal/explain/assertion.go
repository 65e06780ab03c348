package explain

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/assertion"
	"oauthgw/internal/clients"
	"oauthgw/internal/config"
)

// judge sends the request through the gateway. If the gateway does not know its issuer, judge sends the
// request again with an issuer that fits the aud, so that the gateway judges the rest.
func judge(s config.Settings, r *http.Request, body string) *result {
	form, _ := s.Rules.ParseForm(body) // nil is empty
	a, _ := assertion.Parse(form.Get(clientauth.ParameterClientAssertion))
	x := send(s, r, body)
	if x.log["outcome"] == clients.ErrIssuerUnknown.Reason {
		s.Upstream.Issuer = "https://unknown.invalid"
		if audience := a.Audience(); len(audience) == 1 && isURL(audience[0]) {
			s.Upstream.Issuer = audience[0]
		}
		x = send(s, r, body)
		x.assumed = true
	}
	x.assertion = a
	return x
}

func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Host != ""
}

// keysUnknown reports whether the keys that could verify the assertion are at a jwks_uri.
func (x *result) keysUnknown() bool { return x.log["outcome"] == clients.ErrKeysUnavailable.Reason }

// reportAssertion describes the assertion of the request, but neither its ID nor its signature: both
// can be used.
func (x *result) reportAssertion(row func(name, value string)) {
	a := x.assertion
	if !a.IsPresent() {
		return
	}
	audience := a.Audience()
	for i, value := range audience {
		audience[i] = redactURL(value)
	}
	for _, member := range [][2]string{
		{"alg", redactURL(a.Algorithm)}, {"kid", redactURL(a.KeyID)}, {"typ", redactURL(a.Type)}, {"iss", redactURL(a.Issuer)},
		{"sub", redactURL(a.Subject)}, {"aud", strings.Join(audience, ", ")}, {"exp", untilExpiry(a)}, {"key", x.key()},
	} {
		row("assertion "+member[0], cmp.Or(member[1], "none"))
	}
	if x.assumed && x.log["outcome"] != assertion.ErrAudience.Reason {
		row("not judged", "whether aud is the issuer that clients see; set upstream.issuer, because the metadata is not fetched here")
	}
	if x.log["auth_method"] == string(clientauth.PrivateKeyJWT) && x.upstream.request != nil {
		row("not judged", "whether the assertion was used before")
	}
}

// key says which key has verified the assertion.
func (x *result) key() string {
	switch {
	case x.log["key"] != "":
		return x.log["key"]
	case x.log["client"] == "" && x.upstream.request != nil:
		return "not verified: it is of no client in clients, and is left to the provider"
	}
	return "not verified"
}

func untilExpiry(a *assertion.Assertion) string {
	expires, err := a.Expires()
	seconds := time.Until(expires).Seconds()
	switch {
	case err != nil:
		return "not a number"
	case expires.IsZero():
		return ""
	case seconds < 0:
		return fmt.Sprintf("%.0f s ago", -seconds)
	}
	return fmt.Sprintf("in %.0f s", seconds)
}
