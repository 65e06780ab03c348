package assertion_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"oauthgw/internal/assertion"
)

// FuzzVerify compares with a verifier of the standard library alone. Small numbers sign header and
// claims with one of the keys before rest is appended; others take the texts as they are.
func FuzzVerify(f *testing.F) {
	for i, s := range signers {
		f.Add(`{"alg":"`+s.alg+`"}`, claims(nil), "", byte(i))
		f.Add(s.sign(`{"alg":"`+s.alg+`","typ":"JWT"}`, claims(nil)), "", "", byte(255))
	}
	for _, attacks := range []map[string]outcome{keyAttacks(), headerAttacks(), shapeAttacks()} {
		for _, name := range slices.Sorted(maps.Keys(attacks)) {
			if compact := attacks[name].compact; len(compact) < 2000 {
				f.Add(compact, "", "", byte(255))
			}
			if header, text, ok := decoded(attacks[name].compact); ok {
				f.Add(header, text, "", byte(0))
			}
		}
	}
	f.Add(es256Header, claims(map[string]any{"aud": []string{issuer}, "exp": 1800003600.5, "nbf": now.Unix() + 30}), "", byte(0))
	keys := all(f)
	f.Fuzz(func(t *testing.T, header, text, rest string, with byte) {
		compact := header + text + rest
		if int(with) < len(signers) {
			compact = signers[with].sign(header, text) + rest
		}
		a, err := assertion.Parse(compact)
		if err == nil {
			_, err = a.Verify(keys)
		}
		read, signed := judge(compact)
		if err != nil && signed == accepted || err == nil && signed == refused {
			t.Fatalf("%s: %v, and the other verifier says %s", compact, err, signed)
		}
		if err == nil && (a.Issuer != asText(read["iss"]) || a.Subject != asText(read["sub"]) || a.ID != asText(read["jti"])) {
			t.Fatalf("%s: other claims: %+v", compact, a)
		}
		for _, r := range []assertion.Rules{own, {Audience: issuer, Longest: 24 * time.Hour}} {
			if err != nil {
				break
			}
			problem, want := a.Check(r, now), claimsHold(read, r)
			if problem != nil && want == accepted || problem == nil && want == refused {
				t.Fatalf("%s: %v, and the other verifier says %s", compact, problem, want)
			}
		}
	})
}

func decoded(compact string) (header, text string, ok bool) {
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return "", "", false
	}
	h, err1 := base64.RawURLEncoding.DecodeString(parts[0])
	c, err2 := base64.RawURLEncoding.DecodeString(parts[1])
	return string(h), string(c), err1 == nil && err2 == nil
}

type judgement string

const (
	refused  judgement = "refused"
	accepted judgement = "accepted"
	unsure   judgement = "unsure" // go-jose reads a member of the header that means nothing, or rounding decides
)

// judge verifies the signature of an assertion and returns its claims.
func judge(compact string) (map[string]any, judgement) {
	h, c, ok := decoded(compact)
	parts := strings.Split(compact, ".")
	if !ok || len(compact) > 16384 || b64(h) != parts[0] || b64(c) != parts[1] {
		return nil, refused
	}
	header, ok1 := readObject(h)
	members, ok2 := readObject(c)
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || b64(signature) != parts[2] || !ok1 || !ok2 || !headerHolds(header) || !signatureHolds(header, parts[0]+"."+parts[1], signature) {
		return nil, refused
	}
	for name, value := range header {
		if _, isText := value.(string); name == "x5c" || name == "nonce" || !isText {
			return members, unsure
		}
	}
	return members, accepted
}

// readObject reads one JSON object without a member twice.
func readObject(text string) (map[string]any, bool) {
	if !utf8.ValidString(text) || !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{") || !json.Valid([]byte(text)) {
		return nil, false
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var members map[string]any
	if d.Decode(&members) != nil {
		return nil, false
	}
	count := 0 // of names at the first level
	d = json.NewDecoder(strings.NewReader(text))
	for depth, isName := 0, false; ; {
		token, err := d.Token()
		if err == io.EOF {
			return members, count == len(members)
		}
		if depth == 1 && isName && token != json.Delim('}') {
			count, isName = count+1, false
			continue
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		isName = depth == 1
	}
}

func asText(value any) string {
	text, _ := value.(string)
	return text
}

func headerHolds(header map[string]any) bool {
	for _, name := range []string{"crit", "b64", "cty", "zip", "jwk", "jku", "x5u"} {
		if _, found := header[name]; found {
			return false
		}
	}
	typ, hasType := header["typ"]
	kid, hasKid := header["kid"]
	lower := bytes.ToLower([]byte(asText(typ)))
	name := string(bytes.TrimPrefix(lower, []byte("application/")))
	return (!hasKid || asText(kid) != "") && (!hasType || name == "jwt" || name == "jose" || name == "client-authentication+jwt")
}

// signatureHolds verifies a signature with the keys of all.
func signatureHolds(header map[string]any, input string, signature []byte) bool {
	alg, kid := asText(header["alg"]), asText(header["kid"])
	named := func(id string) bool { return kid == "" || kid == id }
	digest := func() (crypto.Hash, []byte) {
		h := hashes[alg[2:]]
		d := h.New()
		d.Write([]byte(input))
		return h, d.Sum(nil)
	}
	isEC := func(k *ecdsa.PrivateKey, size int) bool {
		_, sum := digest()
		return len(signature) == 2*size && ecdsa.Verify(&k.PublicKey, sum, new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:]))
	}
	switch alg {
	case "ES256":
		return named("e") && isEC(p256, 32)
	case "ES384":
		return named("f") && isEC(p384, 48)
	case "ES512":
		return isEC(p521, 66)
	case "EdDSA", "Ed25519":
		return named("d") && ed25519.Verify(ed.Public().(ed25519.PublicKey), []byte(input), signature)
	case "RS256", "RS384", "RS512":
		h, sum := digest()
		return named("r") && rsa.VerifyPKCS1v15(&rsaKey.PublicKey, h, sum, signature) == nil
	case "PS256", "PS384", "PS512":
		h, sum := digest()
		return (named("r") || alg == "PS256" && named("p")) && rsa.VerifyPSS(&rsaKey.PublicKey, h, sum, signature, nil) == nil
	}
	return false
}

// claimsHold checks the claims in exact arithmetic.
func claimsHold(members map[string]any, r assertion.Rules) judgement {
	audience := members["aud"]
	if list, ok := audience.([]any); ok && len(list) == 1 {
		audience = list[0]
	}
	id := asText(members["jti"])
	if audience != r.Audience || r.Once && (id == "" || len(id) > 255) {
		return refused
	}
	result := accepted
	for name, bounds := range map[string][2]int64{"exp": {now.Unix() - 30, now.Unix() + 30 + int64(r.Longest/time.Second)}, "nbf": {0, now.Unix() + 30}, "iat": {0, now.Unix() + 30}} {
		value, found := members[name]
		number, _ := value.(json.Number)
		seconds, ok := new(big.Rat).SetString(string(number))
		switch {
		case !found && name != "exp":
			continue
		case number == "":
			return refused
		case !ok: // the exponent is too great for exact arithmetic
			result = unsure
			continue
		}
		low, high := new(big.Rat).SetInt64(bounds[0]), new(big.Rat).SetInt64(bounds[1])
		switch margin := big.NewRat(1, 1e6); {
		case seconds.Cmp(new(big.Rat).Sub(low, margin)) < 0 || seconds.Cmp(new(big.Rat).Add(high, margin)) > 0:
			return refused
		case !seconds.IsInt() && (seconds.Cmp(new(big.Rat).Add(low, margin)) < 0 || seconds.Cmp(new(big.Rat).Sub(high, margin)) > 0):
			result = unsure
		case seconds.Cmp(low) < 0 || seconds.Cmp(high) > 0: // an integer
			return refused
		}
	}
	return result
}

// BenchmarkVerify reads, verifies and checks one assertion. Compare ES256 with ecdsa.
func BenchmarkVerify(b *testing.B) {
	keys := all(b)
	for _, s := range []signer{es256, signers[1], signers[5]} {
		compact := s.sign(fmt.Sprintf(`{"alg":%q,"typ":"JWT"}`, s.alg), claims(nil))
		b.Run(s.alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := check(compact, keys, own); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	sum := sha256.Sum256([]byte(issuer))
	signature := must(ecdsa.SignASN1(nil, p256, sum[:]))
	b.Run("ecdsa", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !ecdsa.VerifyASN1(&p256.PublicKey, sum[:], signature) {
				b.Fatal("the signature does not verify")
			}
		}
	})
}
