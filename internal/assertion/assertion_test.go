package assertion_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/assertion"
)

// outcome is an assertion and what a client is told about it.
type outcome struct {
	compact string
	want    error
}

func checkAll(t *testing.T, keys []assertion.Key, r assertion.Rules, tests map[string]outcome) {
	t.Helper()
	for name, test := range tests {
		if err := check(test.compact, keys, r); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
}

func TestCA09CA10Algorithms(t *testing.T) {
	t.Parallel()
	tests := map[string]outcome{}
	for _, s := range signers {
		tests[s.alg] = outcome{s.sign(fmt.Sprintf(`{"alg":%q}`, s.alg), claims(nil)), nil}
		for _, other := range assertion.Algorithms() {
			if other[:2] != "Ed" && other != s.alg {
				tests[s.alg+" as "+other] = outcome{s.sign(fmt.Sprintf(`{"alg":%q}`, other), claims(nil)), assertion.ErrSignature}
			}
		}
	}
	if len(tests) < 100 {
		t.Fatalf("%d tests", len(tests))
	}
	checkAll(t, all(t), own, tests)
}

func TestCA10KeyDecides(t *testing.T) {
	t.Parallel()
	rs, ps := signers[5], signers[8]
	checkAll(t, all(t), own, map[string]outcome{
		"RS256 by a key for PS256":      {rs.sign(`{"alg":"RS256","kid":"p"}`, claims(nil)), assertion.ErrKey},
		"PS256 by it":                   {ps.sign(`{"alg":"PS256","kid":"p"}`, claims(nil)), nil},
		"PS384 by it":                   {signers[9].sign(`{"alg":"PS384","kid":"p"}`, claims(nil)), assertion.ErrKey},
		"RS256 as PS256":                {rs.sign(`{"alg":"PS256","kid":"p"}`, claims(nil)), assertion.ErrSignature},
		"PS256 as RS256":                {ps.sign(`{"alg":"RS256","kid":"r"}`, claims(nil)), assertion.ErrSignature},
		"ES384 by P-256":                {signer{"ES384", p256}.sign(`{"alg":"ES384","kid":"e"}`, claims(nil)), assertion.ErrKey},
		"ES256 by P-384":                {signer{"ES256", p384}.sign(`{"alg":"ES256","kid":"f"}`, claims(nil)), assertion.ErrKey},
		"ES512 by P-384":                {signer{"ES512", p384}.sign(`{"alg":"ES512","kid":"f"}`, claims(nil)), assertion.ErrSignature},
		"ES256 by RSA":                  {es256.sign(`{"alg":"ES256","kid":"r"}`, claims(nil)), assertion.ErrKey},
		"EdDSA by RSA":                  {signers[1].sign(`{"alg":"EdDSA","kid":"r"}`, claims(nil)), assertion.ErrKey},
		"RS256 by Ed25519":              {rs.sign(`{"alg":"RS256","kid":"d"}`, claims(nil)), assertion.ErrKey},
		"Ed25519 by a key for EdDSA":    {signers[2].sign(`{"alg":"Ed25519","kid":"d"}`, claims(nil)), nil},
		"the kid in another case":       {es256.sign(`{"alg":"ES256","kid":"E"}`, claims(nil)), assertion.ErrKey},
		"the key of another client":     {another.sign(`{"alg":"ES256","kid":"e"}`, claims(nil)), assertion.ErrSignature},
		"its kid":                       {another.sign(`{"alg":"ES256","kid":"other"}`, claims(nil)), assertion.ErrKey},
		"a kid and a key without one":   {signers[4].sign(`{"alg":"ES512","kid":"new"}`, claims(nil)), nil},
		"claims only after a signature": {another.sign(`{"alg":"ES256"}`, claims(map[string]any{"aud": "x"})), assertion.ErrSignature},
	})
	es512, ed25519 := parseKeys(t, jwk(p521.Public(), map[string]any{"alg": "ES512"})), parseKeys(t, jwk(ed.Public(), map[string]any{"alg": "Ed25519"}))
	checkAll(t, append(es512, ed25519...), own, map[string]outcome{
		"ES512": {signers[4].sign(`{"alg":"ES512"}`, claims(nil)), nil}, "EdDSA by a key for Ed25519": {signers[1].sign(`{"alg":"EdDSA"}`, claims(nil)), nil},
	})
}

func TestCA11EightKeysAreTried(t *testing.T) {
	t.Parallel()
	other, fits, isPinned := jwk(another.key.Public(), nil), jwk(p256.Public(), nil), jwk(p256.Public(), map[string]any{"alg": "ES256"})
	compact := es256.sign(`{"alg":"ES256"}`, claims(nil))
	seven := slices.Repeat([]string{other}, 7)
	for want, list := range map[error][]string{
		nil:                    append(slices.Clone(seven), isPinned),
		assertion.ErrSignature: append(slices.Clone(seven), other, fits),
		assertion.ErrKey:       {jwk(p384.Public(), nil), jwk(rsaKey.Public(), nil)},
	} {
		if err := check(compact, parseKeys(t, list...), own); !errors.Is(err, want) {
			t.Errorf("%d keys: got %v, want %v", len(list), err, want)
		}
	}
	unfit := slices.Repeat([]string{jwk(p384.Public(), nil)}, 20)
	if err := check(compact, parseKeys(t, append(unfit, fits)...), own); err != nil {
		t.Error("keys for other algorithms count:", err)
	}
}

func TestCA40CA41HasID(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{`{"alg":"ES256","kid":"e"}`: true, `{"alg":"ES256","kid":"x"}`: false, `{"alg":"ES512"}`: false} {
		a, err := assertion.Parse(es256.sign(header, claims(nil)))
		if err != nil || a.HasID(all(t)) != want {
			t.Errorf("%s: %t, want %t: %v", header, !want, want, err)
		}
	}
}

func TestCA14Types(t *testing.T) {
	t.Parallel()
	tests := map[string]outcome{}
	for typ, want := range map[string]error{
		`"JWT"`: nil, `"jwt"`: nil, `"JOSE"`: nil, `"jose"`: nil, `"application/jwt"`: nil, `"Application/JOSE"`: nil,
		`"client-authentication+jwt"`: nil, `"application/Client-Authentication+JWT"`: nil,
		`"at+jwt"`: assertion.ErrType, `"dpop+jwt"`: assertion.ErrType, `"JWS"`: assertion.ErrType, `""`: assertion.ErrType, `null`: assertion.ErrType,
		`["JWT"]`: assertion.ErrType, `1`: assertion.ErrType, `"JWT "`: assertion.ErrType, `" JWT"`: assertion.ErrType, `"JWT\n"`: assertion.ErrType,
		`"application/application/jwt"`: assertion.ErrType, `"text/jwt"`: assertion.ErrType, `"JO\u017fE"`: assertion.ErrType, `"JWT\u0000"`: assertion.ErrType,
		`"application/"`: assertion.ErrType, `"JOSE+JSON"`: assertion.ErrType, `"logout+jwt"`: assertion.ErrType, `"secevent+jwt"`: assertion.ErrType,
	} {
		tests[typ] = outcome{es256.sign(`{"alg":"ES256","typ":`+typ+`}`, claims(nil)), want}
	}
	tests["none"] = outcome{es256.sign(`{"alg":"ES256"}`, claims(nil)), nil}
	checkAll(t, all(t), own, tests)
}

// TestCA16CA18CA19CA20CA21Claims changes one claim at a time.
func TestCA16CA18CA19CA20CA21Claims(t *testing.T) {
	t.Parallel()
	workload := assertion.Rules{Audience: issuer, Longest: 24 * time.Hour}
	at := func(seconds float64) any { return float64(now.Unix()) + seconds }
	raw := func(text string) any { return json.RawMessage(text) }
	for _, test := range []struct {
		claim    string
		want     error // of an own key and of a workload
		workload error
		values   []any
	}{
		{"aud", nil, nil, []any{issuer, []string{issuer}}},
		{"aud", assertion.ErrAudience, assertion.ErrAudience, []any{nil, "", "https://as.example/", "https://AS.example", "https://as.example/token", issuer + "\x00", []string{},
			[]string{issuer, issuer}, []string{issuer, "https://as.example/token"}, []string{"x"}, []string{""}, [][]string{{issuer}}, map[string]string{"0": issuer},
			raw("null"), raw("[null]"), raw(`["https://as.example",null]`), raw(`["https://as.example",1]`), 1, true}},
		{"exp", nil, nil, []any{at(1), at(0), at(-5), at(-30), at(-29.5), at(0.25), at(3600), at(3630), raw("18000000.01e2"), raw("1.80000006E9")}},
		{"exp", assertion.ErrLifetime, nil, []any{at(3631), at(7200), at(86400), at(86430)}},
		{"exp", assertion.ErrLifetime, assertion.ErrLifetime, []any{at(86431), at(1e9), 1e11}},
		{"exp", assertion.ErrExpired, assertion.ErrExpired, []any{nil, raw("null"), at(-31), at(-30.5), at(-120), 0, -1, raw("-0"), raw("1e400"), raw("-1e400"), raw("1e-400"), 1e12, 9.3e18, "1800000060", "", true,
			[]any{at(60)}, map[string]any{}}},
		{"nbf", nil, nil, []any{nil, at(0), at(5), at(30), at(-86400), 0, at(0.5)}},
		{"nbf", assertion.ErrEarly, assertion.ErrEarly, []any{raw("null"), at(31), at(30.5), at(120), "1800000000", raw("1e400"), -1, false, []any{}}},
		{"iat", nil, nil, []any{nil, at(0), at(5), at(30), at(-86400), 0}},
		{"iat", assertion.ErrEarly, assertion.ErrEarly, []any{raw("null"), at(31), at(120), "1800000000", raw("1e400"), -1, true, map[string]any{}}},
		{"jti", nil, nil, []any{"a", strings.Repeat("a", 255), "\u00e9", "\x00"}},
		{"jti", assertion.ErrID, nil, []any{nil, raw("null"), "", strings.Repeat("a", 256), strings.Repeat("\u00e9", 128), 1, []string{"a"}, true}},
	} {
		for _, value := range test.values {
			compact := es256.sign(`{"alg":"ES256"}`, claims(map[string]any{test.claim: value}))
			if err := check(compact, all(t), own); !errors.Is(err, test.want) {
				t.Errorf("own key, %s %v: got %v, want %v", test.claim, value, err, test.want)
			}
			if err := check(compact, all(t), workload); !errors.Is(err, test.workload) {
				t.Errorf("workload, %s %v: got %v, want %v", test.claim, value, err, test.workload)
			}
		}
	}
	if err := check(es256.sign(`{"alg":"ES256"}`, claims(map[string]any{"aud": ""})), all(t), assertion.Rules{Longest: time.Hour}); !errors.Is(err, assertion.ErrAudience) {
		t.Error("an unknown issuer is an audience:", err)
	}
}
