package proxy_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"oauthgw/clientauth"
	"oauthgw/internal/clients"
	"oauthgw/proxy"
)

// encoded is an Authorization field of a real client.
type encoded struct{ Name, Header string }

// TestH06EveryClientReachesAStrictReader checks that a provider that reads only the header, and
// decodes both halves as the standard says, reads the credentials of each known client.
func TestH06EveryClientReachesAStrictReader(t *testing.T) {
	text, err := os.ReadFile("../clientauth/testdata/basic.json")
	if err != nil {
		t.Fatal(err)
	}
	var known struct {
		ID       string `json:"client_id"`
		Secret   string `json:"client_secret"`
		Encoders []encoded
	}
	if err := json.Unmarshal(text, &known); err != nil || len(known.Encoders) < 9 {
		t.Fatalf("%d encoders, %v", len(known.Encoders), err)
	}
	for _, e := range known.Encoders {
		expectPair(t, e.Name, "grant_type=x", ofForm("Authorization", e.Header), known.ID, known.Secret)
	}
	for _, pair := range [][2]string{
		{known.ID, known.Secret}, {"a:b", ":"}, {"a%3Ab", "%253A"}, {"a+b", "+ +"}, {"é 世界", "\u00a0é"}, {"a", "s&client_id=b"}, {"~-._", "~-._"}, {"a", strings.Repeat("%", 4096)},
	} {
		form := url.Values{"grant_type": {"x"}, "client_id": {pair[0]}, "client_secret": {pair[1]}}
		expectPair(t, "form", form.Encode(), ofForm(), pair[0], pair[1])
	}
}

// expectPair checks that a provider that reads only the header receives a pair there, in the
// standard's encoding, and nothing of it in the body.
func expectPair(t *testing.T, name, body string, header http.Header, id, secret string) {
	t.Helper()
	var field, sent string
	h := endpointOver(t, func(r *http.Request) (*http.Response, error) {
		text, err := io.ReadAll(r.Body)
		field, sent = strings.Join(r.Header["Authorization"], "|"), string(text)
		return respond(r, 200, http.Header{}, "{}"), err
	}, func(c *proxy.Config) { c.Clients = clients.New(clientauth.Basic, nil) })
	if w := serve(h, "POST", "/oauth2/tokens", body, header); w.Code != http.StatusOK || sent != "grant_type=x" {
		t.Errorf("%s: %d, the body is %q", name, w.Code, sent)
	}
	token, isBasic := strings.CutPrefix(field, "Basic ")
	text, err := base64.StdEncoding.DecodeString(token)
	first, second, _ := strings.Cut(string(text), ":")
	gotID, err1 := url.QueryUnescape(first)
	gotSecret, err2 := url.QueryUnescape(second)
	if !isBasic || err != nil || err1 != nil || err2 != nil || gotID != id || gotSecret != secret {
		t.Errorf("%s: %q is read as %q and %q, want %q and %q", name, field, gotID, gotSecret, id, secret)
	}
}
