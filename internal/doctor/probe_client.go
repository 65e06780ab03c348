package doctor

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
	"oauthgw/internal/printable"
)

// probeClient is a client that no provider knows. Its ID and secret are the same in
// every decoding of HTTP Basic credentials (RFC 6749 section 2.3.1).
type probeClient struct {
	id     string
	secret clientauth.Secret
}

func newProbeClient() probeClient {
	return probeClient{id: "oauthgw-doctor-" + strings.ToLower(rand.Text()), secret: clientauth.NewSecret(rand.Text())}
}

func (p probeClient) pair() string {
	return base64.StdEncoding.EncodeToString([]byte(p.id + ":" + p.secret.Reveal()))
}

// authenticate requests tokens for a code (RFC 6749 section 4.1.3) or revokes a token
// (RFC 7009 section 2.1). Neither exists.
func (p probeClient) authenticate(ctx context.Context, c *client, m clientauth.Method, name clientauth.Endpoint, at string) answer {
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {"oauthgw-doctor"}}
	if name == clientauth.Revocation {
		form = url.Values{"token": {"oauthgw-doctor"}}
	}
	if m == clientauth.Basic {
		header.Set("Authorization", "Basic "+p.pair())
	} else {
		form.Set(clientauth.ParameterClientID, p.id)
		form.Set(clientauth.ParameterClientSecret, p.secret.Reveal())
	}
	return p.parse(m, c.do(ctx, http.MethodPost, at, header, form.Encode()))
}

// parse parses a response and removes the credentials, which some servers repeat.
func (p probeClient) parse(m clientauth.Method, r response) answer {
	a := answer{response: r, method: m}
	o, err := jsonobject.Parse(r.body)
	if err != nil {
		return a
	}
	hide := strings.NewReplacer(p.pair(), "…", p.secret.Reveal(), "…", p.id, "…")
	a.isObject = true
	a.code, a.description = hide.Replace(o.Text("error")), hide.Replace(o.Text("error_description"))
	return a
}

// answer is an endpoint's response to the probe client.
type answer struct {
	response
	method            clientauth.Method
	isObject          bool   // the body is a JSON object
	code, description string // RFC 6749 section 5.2
}

// String describes the response with the server's words.
func (a answer) String() string {
	s := fmt.Sprintf("status %d", a.status)
	for _, words := range []string{a.code, a.description} {
		if words != "" {
			s += " " + printable.Quote(words)
		}
	}
	return s
}

// missesClient reports whether the error says that the request names no client, as
// "Missing client_id parameter" does. An unknown client is another error.
func (a answer) missesClient() bool {
	words := strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(a.description))
	if !strings.Contains(words, "clientid") && !strings.Contains(words, "clientcredentials") {
		return false
	}
	return slices.ContainsFunc([]string{"missing", "required", "noclientid", "empty", "absent", "notprovided", "notpresent", "notspecified"},
		func(word string) bool { return strings.Contains(words, word) })
}
