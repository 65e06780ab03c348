package clients_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/assertion"
	"oauthgw/internal/clients"
)

type authentication struct {
	body, client string // empty: it is forwarded
	err          error
}

func authenticateAll(t *testing.T, tests map[string]authentication) {
	t.Helper()
	table := asserting(t)
	for name, test := range tests {
		if id, err := authenticate(t, table, test.body); id != test.client || !errors.Is(err, test.err) {
			t.Errorf("%s: got %q %v, want %q %v", name, id, err, test.client, test.err)
		}
	}
}

func TestCA01CA02CA03Names(t *testing.T) {
	t.Parallel()
	tests := map[string]authentication{
		"own":                             {form(sign("billing", "billing", "billing")), "billing", nil},
		"alias":                           {form(sign("billing", documentURL, documentURL)), "billing", nil},
		"alias and id":                    {form(sign("billing", documentURL, "billing"), "client_id", "billing"), "billing", assertion.ErrSubject},
		"id and alias":                    {form(sign("billing", "billing", documentURL), "client_id", "billing"), "billing", assertion.ErrSubject},
		"no sub":                          {form(sign("billing", "billing", ""), "client_id", "billing"), "billing", assertion.ErrSubject},
		"no iss":                          {form(sign("billing", "", "billing"), "client_id", "billing"), "billing", assertion.ErrIssuer},
		"no client has the iss":           {form(sign("billing", "x", "billing")), "", nil},
		"iss is a list":                   {form(sign("billing", "", "billing", "iss", []string{"billing"}), "client_id", "billing"), "billing", assertion.ErrIssuer},
		"iss is the authorization server": {form(sign("billing", authorizationServer, "billing"), "client_id", "billing"), "billing", assertion.ErrIssuer},
		"workload":                        {form(sign("cluster", cluster, serviceAccount)), "pods", nil},
		"workload by another subject":     {form(sign("cluster", cluster, serviceAccount+"2"), "client_id", "pods"), "pods", assertion.ErrSubject},
		"workload by a pattern":           {form(sign("cluster", cluster, "system:serviceaccount:pay:*"), "client_id", "pods"), "pods", assertion.ErrSubject},
		"workload of another issuer":      {form(sign("cluster", cluster+"/", serviceAccount), "client_id", "pods"), "pods", assertion.ErrIssuer},
		"workload without an issuer":      {form(sign("cluster", "", serviceAccount), "client_id", "pods"), "pods", assertion.ErrIssuer},
		"workload as its client":          {form(sign("cluster", "pods", "pods"), "client_id", "pods"), "pods", assertion.ErrIssuer},
		"own by the key of the cluster":   {form(sign("cluster", "billing", "billing")), "billing", assertion.ErrKey},
		"workload by the key of a client": {form(sign("billing", cluster, serviceAccount)), "pods", assertion.ErrKey},
		"workload, type of SPIFFE":        {form(sign("cluster", cluster, serviceAccount), "client_assertion_type", assertion.TypeSPIFFE), "pods", assertion.ErrType},
		"own, type of SPIFFE":             {form(sign("billing", "billing", "billing"), "client_assertion_type", assertion.TypeSPIFFE), "billing", assertion.ErrType},
		"SVID":                            {form(sign("bundle", "", spiffeID)), "svid", nil},
		"SVID, type of SPIFFE":            {form(sign("bundle", "", spiffeID), "client_assertion_type", assertion.TypeSPIFFE), "svid", nil},
		"SVID, type unknown":              {form(sign("bundle", "", spiffeID), "client_assertion_type", "urn:x"), "svid", assertion.ErrType},
		"SVID with an issuer":             {form(sign("bundle", "https://any.example", spiffeID)), "svid", nil},
		"SVID, iss is sub":                {form(sign("bundle", spiffeID, spiffeID)), "svid", nil},
		"SVID of another workload":        {form(sign("bundle", "", spiffeID+"3"), "client_id", "svid"), "svid", assertion.ErrSubject},
		"SVID below":                      {form(sign("bundle", "", spiffeID+"/"), "client_id", "svid"), "svid", assertion.ErrSubject},
		"two kinds, own":                  {form(sign("mixed", spiffeID+"/2", spiffeID+"/2")), spiffeID + "/2", nil},
		"two kinds, SVID":                 {form(sign("bundle", "", spiffeID+"/2"), "client_assertion_type", assertion.TypeSPIFFE), spiffeID + "/2", nil},
		"two kinds, own as SVID":          {form(sign("mixed", spiffeID+"/2", spiffeID+"/2"), "client_assertion_type", assertion.TypeSPIFFE), spiffeID + "/2", assertion.ErrKey},
	}
	for _, name := range []string{"Billing", "billing ", "billing\x00", "billing\n", "b\u0131lling", "billin\u0261", "\u0431illing", "billing\u200b", "bi\u0301lling", "bill\ufffding", "billing/../billing", "billing%00"} {
		tests["lookalike "+name] = authentication{form(sign("billing", name, name), "client_id", "billing"), "billing", clientauth.ErrDifferentClientID}
		tests["lookalike alone "+name] = authentication{form(sign("billing", name, name)), "", nil}
	}
	authenticateAll(t, tests)
}

func TestCA04CA05CA06WhichClient(t *testing.T) {
	t.Parallel()
	own, stranger := sign("billing", "billing", "billing"), sign("stranger", "stranger", "stranger")
	authenticateAll(t, map[string]authentication{
		"without client_id":                  {form(own), "billing", nil},
		"with client_id":                     {form(own, "client_id", "billing"), "billing", nil},
		"with an alias":                      {form(own, "client_id", documentURL), "billing", nil},
		"with another client's":              {form(own, "client_id", "ledger"), "ledger", clientauth.ErrDifferentClientID},
		"with one that has a secret":         {form(own, "client_id", "secret-app"), "billing", clientauth.ErrDifferentClientID},
		"with a stranger's":                  {form(own, "client_id", "stranger"), "billing", clientauth.ErrDifferentClientID},
		"with one in another case":           {form(own, "client_id", "BILLING"), "billing", clientauth.ErrDifferentClientID},
		"a stranger's with client_id":        {form(stranger, "client_id", "billing"), "billing", clientauth.ErrDifferentClientID},
		"a stranger":                         {form(stranger), "", nil},
		"a stranger with client_id":          {form(stranger, "client_id", "stranger"), "", nil},
		"a stranger with a malformed one":    {form("x", "client_id", "stranger"), "", nil},
		"a stranger who resembles":           {form(stranger, "client_id", "Billing"), "", clients.ErrClientID},
		"no client":                          {form("x"), "", nil},
		"a client with a secret":             {form(stranger, "client_id", "secret-app"), "", nil},
		"two workloads":                      {form(sign("cluster", cluster, serviceAccount), "client_id", "svid"), "svid", clientauth.ErrDifferentClientID},
		"a stranger's workload":              {form(sign("stranger", "https://x.example", "y"), "client_id", "pods"), "pods", assertion.ErrKey},
		"an assertion of another's key":      {form(sign("ledger", "billing", "billing")), "billing", assertion.ErrKey},
		"one with the kid of another client": {form(resigned("ledger", "billing", "billing", "billing")), "billing", assertion.ErrSignature},
		"two entries, a signature fails":     {form(resigned("ledger", "mixed", "x", "y"), "client_id", spiffeID+"/2"), spiffeID + "/2", assertion.ErrSignature},
	})
}

func TestCA30CA31CA32CA33Methods(t *testing.T) {
	t.Parallel()
	own, types := sign("billing", "billing", "billing"), "client_assertion_type"
	authenticateAll(t, map[string]authentication{
		"a secret":               {form("", types, "", "client_id", "billing", "client_secret", "s"), "billing", clients.ErrSecretRefused},
		"a secret by an alias":   {form("", types, "", "client_id", documentURL, "client_secret", "s"), "billing", clients.ErrSecretRefused},
		"client_id alone":        {form("", types, "", "client_id", "billing"), "billing", clients.ErrAssertionRequired},
		"one that resembles":     {form("", types, "", "client_id", "BILLING"), "", clients.ErrClientID},
		"type absent":            {form(own, types, ""), "billing", assertion.ErrType},
		"type unknown":           {form(own, types, "urn:x"), "billing", assertion.ErrType},
		"type of SAML":           {form(own, types, "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"), "billing", assertion.ErrType},
		"type in another case":   {form(own, types, strings.ToUpper(assertion.TypeJWT)), "billing", assertion.ErrType},
		"type alone":             {form("", "client_id", "billing"), "billing", assertion.ErrMalformed},
		"malformed":              {form("a.b", "client_id", "billing"), "billing", assertion.ErrMalformed},
		"malformed before type":  {form("a.b.c", "client_id", "billing", types, "urn:x"), "billing", assertion.ErrMalformed},
		"signature before names": {form(sign("ledger", "x", "y"), "client_id", "billing"), "billing", assertion.ErrKey},
	})
	table := asserting(t)
	basic := func(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }
	for _, test := range []struct {
		authorization, query, body string
		want                       error
	}{
		{basic("billing:s"), "", "grant_type=x", clients.ErrSecretRefused},
		{basic("billing:"), "", "grant_type=x", clients.ErrAssertionRequired},
		{"", "client_id=billing", "grant_type=x", clients.ErrAssertionRequired},
		{"", "client_id=billing&client_secret=s", "grant_type=x", clients.ErrSecretRefused},
		{basic("billing:s"), "", form(own), clientauth.ErrMultipleMethods},
		{basic("stranger:s"), "", form(own), clientauth.ErrMultipleMethods},
		{basic("billing:"), "", form(own), clientauth.ErrMultipleMethods},
		{"", "", form(own, "client_secret", "s", "client_id", "billing"), clientauth.ErrMultipleMethods},
		{"", "client_secret=s", form(own), clientauth.ErrMultipleMethods},
		{"Bearer x", "", form(own), clientauth.ErrMultipleMethods},
		{"DPoP x", "", form(own), clientauth.ErrMultipleMethods},
		{"", "resource=x", form(own), clients.ErrQueryParameter},
		{"", "client_id=ledger", form(own), clientauth.ErrDifferentClientID},
	} {
		r, ok := attempt(clientauth.New(clientauth.Config{Conflict: clientauth.ConflictReport, InsecureQueryCredentials: true}), test.authorization, test.query, test.body)
		use, err := table.Authenticate(t.Context(), r)
		if !ok || use == nil || !errors.Is(err, test.want) {
			t.Errorf("%s %s: got %v, want %v", test.authorization, test.query, err, test.want)
		}
	}
	for _, body := range []string{`{"client_id":"billing"}`, "client_id=%zz&client_id=billing", "<client_id>billing</client_id>"} {
		r, _ := attempt(clientauth.New(clientauth.Config{}), "", "", "")
		r.Form, r.Unread = nil, []byte(body)
		if _, err := table.Authenticate(t.Context(), r); !errors.Is(err, clients.ErrNotForm) {
			t.Errorf("%s: got %v", body, err)
		}
	}
	for _, body := range []string{`{"client_id":"b\u00efll\u00efng"}`, "\n {\"x\":{},\"Client-ID\":\"b\u00efll\u00efng\"}"} {
		r, _ := attempt(clientauth.New(clientauth.Config{}), "", "", "")
		r.Form, r.Unread = nil, []byte(body)
		if _, err := table.Authenticate(t.Context(), r); !errors.Is(err, clients.ErrClientID) {
			t.Errorf("%s: got %v", body, err)
		}
	}
}

func TestCA16CA17CA34Audience(t *testing.T) {
	t.Parallel()
	table, rules := asserting(t), clientauth.New(clientauth.Config{})
	for _, test := range []struct {
		body     string
		endpoint clientauth.Endpoint
		issuer   string
		want     error
	}{
		{form(sign("billing", "billing", "billing")), clientauth.Token, "", clients.ErrIssuerUnknown},
		{form(sign("billing", "billing", "billing")), clientauth.Token, "https://other.example", assertion.ErrAudience},
		{form(sign("ledger", "billing", "billing")), clientauth.Token, "", assertion.ErrKey},
		{form(sign("spring", "spring", "spring", "aud", "https://gw.example/token")), clientauth.Token, "", nil},
		{form(sign("spring", "spring", "spring")), clientauth.Token, authorizationServer, assertion.ErrAudience},
		{form(sign("spring", "spring", "spring", "aud", []string{"https://gw.example/token", authorizationServer})), clientauth.Token, authorizationServer, assertion.ErrAudience},
		{form(sign("ledger", "ledger", "ledger")), clientauth.Token, authorizationServer, nil},
		{form(sign("ledger", "ledger", "ledger"), "grant_type", "refresh_token"), clientauth.Token, authorizationServer, clients.ErrGrantOfAssertion},
		{form(sign("ledger", "ledger", "ledger"), "grant_type", "Client_Credentials"), clientauth.Token, authorizationServer, clients.ErrGrantOfAssertion},
		{form(sign("ledger", "ledger", "ledger"), "grant_type", ""), clientauth.Token, authorizationServer, clients.ErrNoGrant},
		{form(sign("ledger", "ledger", "ledger", "aud", "x"), "grant_type", "refresh_token"), clientauth.Token, authorizationServer, assertion.ErrAudience},
		{form(sign("ledger", "ledger", "ledger"), "grant_type", "refresh_token"), clientauth.Revocation, authorizationServer, nil},
		{form(sign("billing", "billing", "billing"), "grant_type", "anything"), clientauth.Token, authorizationServer, nil},
	} {
		r, ok := attempt(rules, "", "", test.body)
		r.Endpoint, r.Audience = test.endpoint, func(context.Context) string { return test.issuer }
		if _, err := table.Authenticate(t.Context(), r); !ok || !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.endpoint, err, test.want)
		}
	}
}

// TestCA21CA22CA24Once checks what must be remembered about an assertion.
func TestCA21CA22CA24Once(t *testing.T) {
	t.Parallel()
	table, rules := asserting(t), clientauth.New(clientauth.Config{})
	once := func(compact string) (*clients.Use, []string, time.Duration) {
		r, _ := attempt(rules, "", "", form(compact))
		use, err := table.Authenticate(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		names, d := use.OneTimeID()
		return use, names, d
	}
	use, byID, d := once(sign("billing", "billing", "billing"))
	if use.Method != clientauth.PrivateKeyJWT || use.Key != "billing" || !slices.Equal(byID, []string{authorizationServer, "billing", "a-1"}) || d < 110*time.Second || d > 120*time.Second {
		t.Errorf("got %s %s %q %s", use.Method, use.Key, byID, d)
	}
	if use, byAlias, _ := once(sign("billing", documentURL, documentURL, "aud", []string{authorizationServer})); use.Alias != documentURL || !slices.Equal(byID, byAlias) {
		t.Errorf("got %s %q", use.Alias, byAlias)
	}
	if _, _, d := once(sign("billing", "billing", "billing", "exp", time.Now().Unix()-25)); d < 30*time.Second {
		t.Error("an expired assertion is forgotten while it is accepted, after", d)
	}
	for _, compact := range []string{sign("cluster", cluster, serviceAccount, "exp", time.Now().Unix()+80000, "jti", nil), sign("bundle", "", spiffeID)} {
		if use, names, d := once(compact); use.Method != clientauth.WorkloadJWT || len(names) > 0 || d != 0 {
			t.Errorf("got %s %q %s", use.Method, names, d)
		}
	}
	for change, want := range map[[2]any]error{{"jti", nil}: assertion.ErrID, {"exp", nil}: assertion.ErrExpired, {"exp", time.Now().Unix() + 7200}: assertion.ErrLifetime} {
		r, _ := attempt(rules, "", "", form(sign("billing", "billing", "billing", change[0], change[1])))
		if _, err := table.Authenticate(t.Context(), r); !errors.Is(err, want) {
			t.Errorf("%v: got %v, want %v", change, err, want)
		}
	}
}

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
	r := clients.Attempt{Endpoint: clientauth.Token, Audience: func(context.Context) string { return authorizationServer }}
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
