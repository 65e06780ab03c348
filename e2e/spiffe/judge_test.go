// Package spiffe compares the gateway with go-spiffe, which judges JWT-SVIDs independently of it.
package spiffe

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
)

const (
	issuer   = "https://login.example"
	workload = "spiffe://example.org/pay/billing"
)

// authority is the trust domain of the workload: its keys by id, which is the algorithm.
type authority struct {
	keys   map[string]crypto.Signer
	bundle *spiffebundle.Bundle
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	a := authority{map[string]crypto.Signer{}, spiffebundle.New(spiffeid.RequireTrustDomainFromString("example.org"))}
	for alg, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		a.keys[alg] = must(ecdsa.GenerateKey(curve, rand.Reader))
	}
	a.keys["RS256"] = must(rsa.GenerateKey(rand.Reader, 2048))
	a.keys["PS256"] = must(rsa.GenerateKey(rand.Reader, 2048))
	for id, key := range a.keys {
		if err := a.bundle.AddJWTAuthority(id, key.Public()); err != nil {
			t.Fatal(err)
		}
	}
	// The same document has the keys for X.509-SVIDs, which have no id.
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der := must(x509.CreateCertificate(rand.Reader, template, template, a.keys["ES256"].Public(), a.keys["ES256"]))
	a.bundle.AddX509Authority(must(x509.ParseCertificate(der)))
	a.bundle.SetSequenceNumber(1)
	a.keys["unpublished"] = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	return a
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// svid is what a JWT-SVID is made of. Claims and header members that are nil are left out.
type svid struct {
	alg, key string // key defaults to the key of the algorithm
	header   map[string]any
	claims   map[string]any
}

// mint signs it. By default it is as the SPIFFE specification asks.
func (a authority) mint(s svid) string {
	key := s.key
	if key == "" {
		key = s.alg
	}
	now := time.Now()
	header := map[string]any{"alg": s.alg, "kid": key, "typ": "JWT"}
	claims := map[string]any{"sub": workload, "aud": []string{issuer}, "exp": now.Add(5 * time.Minute).Unix(), "iat": now.Unix()}
	for members, changes := range map[*map[string]any]map[string]any{&header: s.header, &claims: s.claims} {
		maps.Copy(*members, changes)
		maps.DeleteFunc(*members, func(_ string, value any) bool { return value == nil })
	}
	options := (&jose.SignerOptions{}).WithType("JWT")
	options.ExtraHeaders = map[jose.HeaderKey]any{}
	for name, value := range header {
		if name != "alg" {
			options.ExtraHeaders[jose.HeaderKey(name)] = value
		}
	}
	signer := must(jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(s.alg), Key: a.keys[key]}, options))
	return must(jwt.Signed(signer).Claims(claims).Serialize())
}

// judge returns why go-spiffe rejects a token.
func (a authority) judge(token string) error {
	_, err := jwtsvid.ParseAndValidate(token, a.bundle.JWTBundle(), []string{issuer})
	return err
}

// unsigned replaces the header of a token and its signature.
func unsigned(token string, header map[string]any, signature string) string {
	parts := strings.Split(token, ".")
	return base64.RawURLEncoding.EncodeToString(must(json.Marshal(header))) + "." + parts[1] + "." + signature
}

// verdicts are the expected verdicts of go-spiffe and the gateway on a token.
type verdicts struct {
	name           string
	token          string
	gateway, judge bool
}

const yes, no = true, false

// agreements are tokens on which both agree.
func agreements(a authority) []verdicts {
	ago, ahead := time.Now().Add(-2*time.Minute).Unix(), time.Now().Add(2*time.Minute).Unix()
	es256 := a.mint(svid{alg: "ES256"})
	return []verdicts{
		{"RS256", a.mint(svid{alg: "RS256"}), yes, yes},
		{"PS256", a.mint(svid{alg: "PS256"}), yes, yes},
		{"ES256", es256, yes, yes},
		{"ES256 again", es256, yes, yes},
		{"ES384", a.mint(svid{alg: "ES384"}), yes, yes},
		{"ES512", a.mint(svid{alg: "ES512"}), yes, yes},
		{"typ JOSE", a.mint(svid{alg: "ES256", header: map[string]any{"typ": "JOSE"}}), yes, yes},
		{"no typ", a.mint(svid{alg: "ES256", header: map[string]any{"typ": nil}}), yes, yes},
		{"iss and jti", a.mint(svid{alg: "ES256", claims: map[string]any{"iss": "https://spire.example", "jti": "1"}}), yes, yes},
		{"aud as text", a.mint(svid{alg: "ES256", claims: map[string]any{"aud": issuer}}), yes, yes},

		{"typ at+jwt", a.mint(svid{alg: "ES256", header: map[string]any{"typ": "at+jwt"}}), no, no},
		{"other audience", a.mint(svid{alg: "ES256", claims: map[string]any{"aud": []string{"https://other.example"}}}), no, no},
		{"no aud", a.mint(svid{alg: "ES256", claims: map[string]any{"aud": nil}}), no, no},
		{"expired", a.mint(svid{alg: "ES256", claims: map[string]any{"exp": ago}}), no, no},
		{"no exp", a.mint(svid{alg: "ES256", claims: map[string]any{"exp": nil}}), no, no},
		{"not valid yet", a.mint(svid{alg: "ES256", claims: map[string]any{"nbf": ahead}}), no, no},
		{"issued in the future", a.mint(svid{alg: "ES256", claims: map[string]any{"iat": ahead}}), no, no},
		{"other trust domain", a.mint(svid{alg: "ES256", claims: map[string]any{"sub": "spiffe://example.com/pay/billing"}}), no, no},
		{"no sub", a.mint(svid{alg: "ES256", claims: map[string]any{"sub": nil}}), no, no},
		{"unpublished key", a.mint(svid{alg: "ES256", key: "unpublished"}), no, no},
		{"unpublished key with the id of another", a.mint(svid{alg: "ES256", key: "unpublished", header: map[string]any{"kid": "ES256"}}), no, no},
		{"key of another algorithm", a.mint(svid{alg: "RS256", header: map[string]any{"kid": "ES256"}}), no, no},
		{"alg none", unsigned(es256, map[string]any{"alg": "none", "kid": "ES256"}, ""), no, no},
		{"alg HS256", unsigned(es256, map[string]any{"alg": "HS256", "kid": "ES256"}, strings.Split(es256, ".")[2]), no, no},
		{"no signature", es256[:strings.LastIndex(es256, ".")+1], no, no},
	}
}

// differences are tokens on which they differ.
func differences(a authority) []verdicts {
	return []verdicts{
		// The gateway has further rules.
		{"further audience", a.mint(svid{alg: "ES256", claims: map[string]any{"aud": []string{issuer, "https://other.example"}}}), no, yes},
		{"other workload", a.mint(svid{alg: "ES256", claims: map[string]any{"sub": workload + "2"}}), no, yes},
		{"two days", a.mint(svid{alg: "ES256", claims: map[string]any{"exp": time.Now().Add(48 * time.Hour).Unix()}}), no, yes},
		{"expired 45 s ago", a.mint(svid{alg: "ES256", claims: map[string]any{"exp": time.Now().Add(-45 * time.Second).Unix()}}), no, yes},
		{"cty", a.mint(svid{alg: "ES256", header: map[string]any{"cty": "JWT"}}), no, yes},

		// It tries the keys that fit, and go-spiffe wants to know which.
		{"no kid", a.mint(svid{alg: "ES256", header: map[string]any{"kid": nil}}), yes, no},
	}
}

// TestJWTSVID sends JWT-SVIDs to the gateway and compares its verdict with that of go-spiffe.
func TestJWTSVID(t *testing.T) {
	a := newAuthority(t)
	g := startGateway(t, a.bundle)
	for _, c := range append(agreements(a), differences(a)...) {
		t.Run(c.name, func(t *testing.T) {
			if err := a.judge(c.token); (err == nil) != c.judge {
				t.Errorf("go-spiffe: %v, want accepted %t", err, c.judge)
			}
			for _, kind := range []string{"jwt-bearer", "jwt-spiffe"} {
				if status, problem := g.send(t, kind, c.token); (status == 200) != c.gateway || status >= 500 {
					t.Errorf("gateway, %s: %d %s, want accepted %t", kind, status, problem, c.gateway)
				}
			}
		})
	}
}

// TestMutatedJWTSVID changes characters of JWT-SVIDs: the gateway never accepts one that go-spiffe
// rejects.
func TestMutatedJWTSVID(t *testing.T) {
	a := newAuthority(t)
	g := startGateway(t, a.bundle)
	random := mathrand.New(mathrand.NewPCG(22, 7523))
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n"
	for _, alg := range []string{"RS256", "PS256", "ES256"} {
		token := a.mint(svid{alg: alg})
		for range 400 {
			mutated := []byte(token)
			for range 1 + random.IntN(2) {
				at := random.IntN(len(mutated))
				switch c := alphabet[random.IntN(len(alphabet))]; random.IntN(3) {
				case 0:
					mutated = slices.Insert(mutated, at, c)
				case 1:
					mutated = slices.Delete(mutated, at, at+1)
				default:
					mutated[at] = c
				}
			}
			status, problem := g.send(t, "jwt-bearer", string(mutated))
			if err := a.judge(string(mutated)); status == 200 && err != nil || status >= 500 {
				t.Fatalf("gateway: %d %s; go-spiffe: %v; mutation of a token of %s", status, problem, err, alg)
			}
		}
	}
}

const secret = "only the provider and the gateway know it"

// gateway is a running gateway in front of a provider that knows only the secret.
type gateway struct{ http *http.Client }

func startGateway(t *testing.T, bundle *spiffebundle.Bundle) gateway {
	t.Helper()
	directory := t.TempDir()
	file := func(name string, contents []byte) string {
		path := filepath.Join(directory, name)
		if err := os.WriteFile(path, contents, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	socket := filepath.Join(directory, "gateway")
	assertions := []any{map[string]any{"jwks_file": file("bundle.jwks", must(bundle.Marshal())), "subject": workload}}
	config := must(json.Marshal(map[string]any{
		"listen":     "unix:" + socket,
		"public_url": issuer,
		"admin":      map[string]any{"listen": "unix:" + filepath.Join(directory, "admin")},
		"upstream":   map[string]any{"url": startProvider(t)},
		"clients":    map[string]any{"billing": map[string]any{"secret_file": file("secret", []byte(secret)), "assertions": assertions}},
	}))
	var output bytes.Buffer
	process := exec.CommandContext(t.Context(), "../.build/oauthgw", "serve", "--config.file="+file("oauthgw.yaml", config))
	process.Stdout, process.Stderr = &output, &output
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { process.Wait() }) // the context has ended it
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	g := gateway{&http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: 10 * time.Second}}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		response, err := g.http.Get("http://gateway/.well-known/oauth-authorization-server")
		if err == nil {
			response.Body.Close()
			return g
		}
		if time.Now().After(end) {
			t.Fatalf("the gateway does not listen: %v\n%s", err, output.String())
		}
	}
}

// startProvider starts a provider that reads the secret from the form and returns its URL.
func startProvider(t *testing.T) string {
	t.Helper()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.Method == http.MethodGet:
			fmt.Fprintf(w, `{"issuer":%q,"token_endpoint":"%[1]s/token","response_types_supported":["code"]}`, issuer)
		case r.PostFormValue("client_id") == "billing" && r.PostFormValue("client_secret") == secret && r.PostFormValue("client_assertion") == "":
			fmt.Fprint(w, `{"access_token":"granted","token_type":"Bearer"}`)
		default:
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":"invalid_client"}`)
		}
	}))
	t.Cleanup(provider.Close)
	return provider.URL
}

// send requests a token with an assertion and returns the status of the response and its error.
func (g gateway) send(t *testing.T, kind, assertion string) (status int, problem string) {
	t.Helper()
	response, err := g.http.PostForm("http://gateway/token", url.Values{
		"grant_type":            {"client_credentials"},
		"client_id":             {"billing"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:" + kind},
		"client_assertion":      {assertion},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body struct {
		Error string `json:"error_description"`
	}
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body.Error
}
