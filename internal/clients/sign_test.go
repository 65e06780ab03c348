package clients_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/assertion"
	"oauthgw/internal/clients"
)

const (
	authorizationServer = "https://as.example"
	cluster             = "https://k8s.example"
	serviceAccount      = "system:serviceaccount:pay:billing"
	spiffeID            = "spiffe://example.org/pay/billing"
	documentURL         = "https://billing.example/client.json"
)

// keyOf returns a private key that depends on a name.
func keyOf(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// jwksOf returns a JWK Set of the keys with some names, which are also their kids.
func jwksOf(names ...string) string {
	var list []map[string]string
	for _, name := range names {
		list = append(list, map[string]string{"kty": "OKP", "crv": "Ed25519", "kid": name, "x": b64(keyOf(name).Public().(ed25519.PublicKey))})
	}
	text, _ := json.Marshal(map[string]any{"keys": list})
	return string(text)
}

func keysOf(t testing.TB, names ...string) []assertion.Key {
	t.Helper()
	keys, refused, err := assertion.ParseKeys([]byte(jwksOf(names...)))
	if err != nil || len(refused) > 0 || len(keys) != len(names) {
		t.Fatal(err, refused)
	}
	return keys
}

// sign returns an assertion by the key with a name. Changes of the claims that are nil remove them.
func sign(name, iss, sub string, changes ...any) string {
	members := map[string]any{"iss": iss, "sub": sub, "aud": authorizationServer, "jti": "a-1", "exp": time.Now().Unix() + 60}
	for i := 0; i < len(changes); i += 2 {
		members[changes[i].(string)] = changes[i+1]
	}
	for claim, value := range members {
		if value == nil || value == "" {
			delete(members, claim)
		}
	}
	header, _ := json.Marshal(map[string]string{"alg": "EdDSA", "kid": name})
	claims, _ := json.Marshal(members)
	input := b64(header) + "." + b64(claims)
	return input + "." + b64(ed25519.Sign(keyOf(name), []byte(input)))
}

// resigned returns an assertion by the key with a name under the kid of another one.
func resigned(name, kid, iss, sub string) string {
	_, claims, _ := strings.Cut(sign(name, iss, sub), ".")
	claims, _, _ = strings.Cut(claims, ".")
	input := b64([]byte(`{"alg":"EdDSA","kid":"`+kid+`"}`)) + "." + claims
	return input + "." + b64(ed25519.Sign(keyOf(name), []byte(input)))
}

func asserting(t testing.TB) *clients.Table {
	t.Helper()
	file := func(key string, c clients.IssuerConfig) clients.Issuer {
		return clients.Issuer{IssuerConfig: c, Keys: keysOf(t, key)}
	}
	own, workload := clients.IssuerConfig{}, clients.IssuerConfig{Issuer: cluster, Subject: serviceAccount}
	return clients.New("", []clients.Client{
		{ID: "billing", Issuers: []clients.Issuer{file("billing", own)}, Config: clients.Config{Aliases: []string{documentURL}}},
		{ID: "ledger", Issuers: []clients.Issuer{file("ledger", own)}, Config: clients.Config{Grants: []string{"client_credentials"}}},
		{ID: "pods", Issuers: []clients.Issuer{file("cluster", workload)}},
		{ID: "svid", Issuers: []clients.Issuer{file("bundle", clients.IssuerConfig{Subject: spiffeID})}},
		{ID: "spring", Issuers: []clients.Issuer{file("spring", clients.IssuerConfig{Audience: "https://gw.example/token"})}},
		{ID: spiffeID + "/2", Issuers: []clients.Issuer{file("mixed", own), file("bundle", clients.IssuerConfig{Subject: spiffeID + "/2"})}},
		{ID: "secret-app", Secret: clientauth.NewSecret("s")},
	})
}

// form returns a token request with an assertion, and further parameters by pairs.
func form(compact string, more ...string) string {
	values := url.Values{"grant_type": {"client_credentials"}, "client_assertion": {compact}, "client_assertion_type": {assertion.TypeJWT}}
	for i := 0; i < len(more); i += 2 {
		if values.Set(more[i], more[i+1]); more[i+1] == "" {
			values.Del(more[i])
		}
	}
	return values.Encode()
}

// attempt reads a request as the proxy does. It reports false for one that is refused before.
func attempt(rules *clientauth.Rules, authorization, query, body string) (clients.Attempt, bool) {
	r := clients.Attempt{Endpoint: clientauth.Token, Issuer: func(context.Context) string { return authorizationServer }}
	r.Header = http.Header{}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	var err1, err2, err3 error
	r.Form, err1 = clientauth.ParseForm(body)
	r.Query, err2 = clientauth.ParseForm(query)
	if err1 != nil {
		r.Form, r.Unread = nil, []byte(body)
	}
	r.Credentials, err3 = rules.Read(r.Request)
	return r, err1 == nil && err2 == nil && err3 == nil
}

// authenticate returns the ID of the client that a form authenticates, and the error.
func authenticate(t testing.TB, table *clients.Table, body string) (string, error) {
	t.Helper()
	r, ok := attempt(clientauth.New(clientauth.Config{}), "", "", body)
	if !ok {
		t.Fatalf("not a request: %s", body)
	}
	use, err := table.Authenticate(t.Context(), r)
	if use == nil {
		return "", err
	}
	return use.ID, err
}
