package doctor

import (
	"crypto/rand"
	"encoding/base64"
	"net/url"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
)

// stranger is a client that no provider knows. Its name and its secret need no
// encoding, so that every reading of a Basic pair gives the same (RFC 6749
// section 2.3.1).
type stranger struct {
	id     string
	secret clientauth.Secret
}

func newStranger() stranger {
	return stranger{id: "oauthgw-doctor-" + strings.ToLower(rand.Text()), secret: clientauth.NewSecret(rand.Text())}
}

// form is what the stranger asks for: tokens for a code (RFC 6749 section
// 4.1.3), or the end of a token (RFC 7009 section 2.1), that nobody issued.
func (s stranger) form(name clientauth.Endpoint) url.Values {
	if name == clientauth.Revocation {
		return url.Values{"token": {"oauthgw-doctor"}}
	}
	return url.Values{"grant_type": {"authorization_code"}, "code": {"oauthgw-doctor"}}
}

func (s stranger) byBasic(name clientauth.Endpoint, at string) request {
	q := formTo(at, s.form(name).Encode())
	q.header.Set("Authorization", "Basic "+s.pair())
	return q
}

func (s stranger) pair() string {
	return base64.StdEncoding.EncodeToString([]byte(s.id + ":" + s.secret.Reveal()))
}

func (s stranger) byPost(name clientauth.Endpoint, at string) request {
	form := s.form(name)
	form.Set(clientauth.ParameterClientID, s.id)
	form.Set(clientauth.ParameterClientSecret, s.secret.Reveal())
	return formTo(at, form.Encode())
}

// read reads an answer, and takes out of its words what the stranger sent: some
// servers send it back.
func (s stranger) read(m clientauth.Method, r reply) answer {
	a := answer{reply: r, method: m}
	o, err := jsonobject.Parse(r.body)
	if err != nil {
		return a
	}
	hide := strings.NewReplacer(s.pair(), "…", s.secret.Reveal(), "…", s.id, "…")
	a.object = true
	a.code, a.description = hide.Replace(o.Text("error")), hide.Replace(o.Text("error_description"))
	return a
}
