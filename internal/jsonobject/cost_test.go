package jsonobject_test

import (
	"testing"

	"oauthgw/internal/jsonobject"
)

// What is done with a registration: it is parsed, one member is changed, and it is
// written.
func BenchmarkChange(b *testing.B) {
	text := []byte(`{"client_name":"A desktop client","redirect_uris":["http://127.0.0.1:53682/callback","http://localhost:53682/callback"],` +
		`"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"scope":"openid profile email offline_access",` +
		`"token_endpoint_auth_method":"client_secret_basic"}`)
	b.ReportAllocs()
	for b.Loop() {
		o, err := jsonobject.Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		if len(o.With("token_endpoint_auth_method", "client_secret_post").Encode()) == len(text) {
			b.Fatal("nothing was changed")
		}
	}
}
