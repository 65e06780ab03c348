package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// placeholder stands for a signed assertion, which would expire in a file:
//
//	{{billing {"alg":"EdDSA"} {"iss":"billing","exp":60}}}
//
// It has the name of the key, the header and the claims. The test signs it when the message is sent.
// Numbers of exp, nbf and iat are seconds from then.
var (
	placeholder = regexp.MustCompile(`\{\{(\S+) (\{.*?\}) (\{.*?\})\}\}`)
	claimedTime = regexp.MustCompile(`"(exp|nbf|iat)":(-?[0-9.]+)`)
)

// placeholders are the assertions that were signed for placeholders.
type placeholders map[string]string

// sign returns a text with assertions in place of its placeholders.
func (p placeholders) sign(t *testing.T, text string) string {
	t.Helper()
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		m := placeholder.FindStringSubmatch(found)
		compact := signAssertion(t, m[1], m[2], m[3])
		p[compact] = found
		return compact
	})
}

// restore returns a text with placeholders in place of the assertions that were signed for them.
func (p placeholders) restore(text string) string {
	for compact, found := range p {
		text = strings.ReplaceAll(text, compact, found)
	}
	return text
}

// secrets returns the assertions, their claims and their signatures.
func (p placeholders) secrets() (found []string) {
	for compact := range p {
		found = append(append(found, compact), strings.Split(compact, ".")[1:]...)
	}
	return found
}

// signAssertion returns an assertion in the compact serialization (RFC 7515 section 3.1).
func signAssertion(t *testing.T, key, header, claims string) string {
	t.Helper()
	now := time.Now()
	claims = claimedTime.ReplaceAllStringFunc(claims, func(found string) string {
		m := claimedTime.FindStringSubmatch(found)
		seconds, err := strconv.ParseFloat(m[2], 64)
		if err != nil {
			t.Fatal(err)
		}
		_, fraction, _ := strings.Cut(m[2], ".")
		return fmt.Sprintf(`"%s":%.*f`, m[1], len(fraction), float64(now.Unix())+seconds)
	})
	var h struct{ Alg string }
	if err := json.Unmarshal([]byte(header), &h); err != nil {
		t.Fatalf("%s: %v", header, err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(header)) + "." + encode([]byte(claims))
	return signed + "." + encode(signature(t, key, h.Alg, []byte(signed)))
}

// signature signs a text with the key of a name.
func signature(t *testing.T, name, algorithm string, text []byte) []byte {
	t.Helper()
	ec, ed := keysOf(t, name)
	digest := sha256.Sum256(text)
	switch algorithm {
	case "ES256":
		r, s, err := ecdsa.Sign(rand.Reader, ec, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case "EdDSA", "Ed25519":
		return ed25519.Sign(ed, text)
	case "HS256": // with a text that anyone has, as if it were a secret
		der, err := x509.MarshalPKIXPublicKey(ed.Public())
		if err != nil {
			t.Fatal(err)
		}
		mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		mac.Write(text)
		return mac.Sum(nil)
	}
	return nil
}

// keysOf returns the private keys of a name, so that no file holds them.
func keysOf(t *testing.T, name string) (*ecdsa.PrivateKey, ed25519.PrivateKey) {
	t.Helper()
	seed := sha256.Sum256([]byte(name))
	ec, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	if err != nil {
		t.Fatal(err)
	}
	return ec, ed25519.NewKeyFromSeed(seed[:])
}

// jwks returns a JWK Set with the public keys of some names.
func jwks(t *testing.T, names ...string) string {
	t.Helper()
	var keys []string
	for _, name := range names {
		ec, ed := keysOf(t, name)
		point, err := ec.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		encode := base64.RawURLEncoding.EncodeToString
		keys = append(keys,
			fmt.Sprintf(`{"kty":"EC","crv":"P-256","kid":"%s-ec","x":"%s","y":"%s"}`, name, encode(point[1:33]), encode(point[33:])),
			fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","kid":"%s-ed","x":"%s"}`, name, encode(ed.Public().(ed25519.PublicKey))))
	}
	return "{\"keys\":[\n" + strings.Join(keys, ",\n") + "\n]}\n"
}

// TestPublicKeysOfPlaceholders checks the JWK Sets of exchange files. With -update it writes them.
func TestPublicKeysOfPlaceholders(t *testing.T) {
	for _, name := range []string{"billing", "ledger", "cluster", "trustdomain"} {
		file := "testdata/assertions/" + name + ".jwks"
		if *update {
			writeFile(t, file, jwks(t, name))
		}
		if got := textOf(t, file); got != jwks(t, name) {
			t.Errorf("%s: got %s", file, got)
		}
	}
}
