package clientauth_test

import (
	"net/http"
	"testing"

	"oauthgw/clientauth"
)

// What is done with a client's token request: its form is parsed, its credentials
// are read and put into the form, and that is written.
func BenchmarkRestate(b *testing.B) {
	const form = "grant_type=authorization_code&code=Sp1xlOBeZQQYbYS6WxSbIASp1xlOBeZQQYbYS6WxSbIA" +
		"&redirect_uri=http%3A%2F%2F127.0.0.1%3A53682%2Fcallback&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" +
		"&resource=https%3A%2F%2Flogin.example.com%2Fapi%2Fmcp"
	rules := clientauth.New(clientauth.Config{})
	header := http.Header{"Authorization": {"Basic Y2xpZW50LTAwMDAwMTpzM2NyZXQlMkYlMkIlQzMlQTklMjU0MSslM0ElMjYlM0Q="}}
	b.ReportAllocs()
	for b.Loop() {
		parsed, err := clientauth.ParseForm(form)
		if err != nil {
			b.Fatal(err)
		}
		c, err := rules.Read(clientauth.Request{Header: header, Form: parsed})
		if err != nil {
			b.Fatal(err)
		}
		if parsed.WithCredentials(c.ClientID, c.Secret).Encode() == form {
			b.Fatal("nothing was restated")
		}
	}
}
