package assertion_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/assertion"
)

// outcome is an assertion and the error that a client receives for it.
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
	named := jwk(p256.Public(), map[string]any{"kid": "e"})
	if err := check(es256.sign(`{"alg":"ES256","kid":"e"}`, claims(nil)), parseKeys(t, append(slices.Clone(seven), other, named)...), own); err != nil {
		t.Error("keys without a kid are tried first:", err)
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

const es256Header = `{"alg":"ES256","kid":"e"}`

func TestCA09CA10CA11Attacks(t *testing.T) { t.Parallel(); checkAll(t, all(t), own, keyAttacks()) }

func TestCA12CA13Headers(t *testing.T) { t.Parallel(); checkAll(t, all(t), own, headerAttacks()) }

func TestCA15Shape(t *testing.T) { t.Parallel(); checkAll(t, all(t), own, shapeAttacks()) }

// keyAttacks choose the algorithm, the key or the signature.
func keyAttacks() map[string]outcome {
	good := claims(nil)
	tests := map[string]outcome{}
	for _, alg := range strings.Split("none None NONE nOnE HS256 HS384 HS512 es256 Es256 ES256K ES256,ES256 RS1 RSA1_5 RSA-OAEP dir A256GCM Ed448 X25519 eddsa ED25519 ML-DSA-65 ESB256", " ") {
		tests[alg] = outcome{es256.sign(fmt.Sprintf(`{"alg":%q}`, alg), good), assertion.ErrAlgorithm}
	}
	for _, alg := range []string{`""`, `null`, `256`, `["ES256"]`, `{"ES256":1}`, `true`, `"ES256 "`, `" ES256"`, `"ES256\u0000"`, `"E\u017f256"`} {
		tests["alg "+alg] = outcome{es256.sign(`{"alg":`+alg+`}`, good), assertion.ErrAlgorithm}
	}
	tests["no alg"] = outcome{es256.sign(`{}`, good), assertion.ErrAlgorithm}
	tests["unsigned"] = outcome{b64(`{"alg":"none"}`) + "." + b64(good) + ".", assertion.ErrAlgorithm}
	tests["no signature"] = outcome{b64(es256Header) + "." + b64(good) + ".", assertion.ErrSignature}
	for name, public := range map[string]any{"RS256": rsaKey.Public(), "ES256": p256.Public(), "EdDSA": ed.Public()} {
		der := must(x509.MarshalPKIXPublicKey(public))
		block := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		for i, secret := range []string{string(der), block, strings.TrimSpace(block), jwk(public, nil), jwks(jwk(public, nil)), ""} {
			for alg, want := range map[string]error{"HS256": assertion.ErrAlgorithm, name: assertion.ErrSignature} {
				input := b64(fmt.Sprintf(`{"alg":%q}`, alg)) + "." + b64(good)
				mac := hmac.New(crypto.SHA256.New, []byte(secret))
				mac.Write([]byte(input))
				tests[fmt.Sprintf("%s by HMAC of the public key, %s, %d", alg, name, i)] = outcome{input + "." + b64(mac.Sum(nil)), want}
			}
		}
	}
	input := b64(es256Header) + "." + b64(good)
	raw := es256.signature(input)
	r, s, n := new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:]), p256.Params().N
	join := func(r, s *big.Int) []byte {
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	zero, one := new(big.Int), big.NewInt(1)
	for name, signature := range map[string][]byte{
		"zero": join(zero, zero), "r zero": join(zero, s), "s zero": join(r, zero), "r is n": join(n, s), "s is n": join(r, n), "ones": join(one, one),
		"DER": must(asn1.Marshal(struct{ R, S *big.Int }{r, s})), "short": raw[:63], "half": raw[:32], "long": append(raw[:64:64], 0), "twice": append(raw[:64:64], raw...),
		"zeros before": append(make([]byte, 64), raw...), "s and r": join(s, r), "of P-521": make([]byte, 132), "of Ed25519": signers[1].signature(input), "of RSA": signers[5].signature(input),
	} {
		tests["signature: "+name] = outcome{input + "." + b64(signature), assertion.ErrSignature}
	}
	tests["signature: the other s"] = outcome{input + "." + b64(join(r, new(big.Int).Sub(n, s))), nil} // RFC 7518 allows both; see jti
	tests["another header"] = outcome{b64(`{"alg":"ES256"}`) + "." + b64(good) + "." + b64(raw), assertion.ErrSignature}
	tests["other claims"] = outcome{b64(es256Header) + "." + b64(claims(map[string]any{"sub": "admin"})) + "." + b64(raw), assertion.ErrSignature}
	for kid, want := range map[string]error{
		`"../../dev/null"`: assertion.ErrKey, `"' OR 1=1 --"`: assertion.ErrKey, `"|id"`: assertion.ErrKey, `"e\u0000"`: assertion.ErrKey, `"e\n"`: assertion.ErrKey, `" e"`: assertion.ErrKey,
		`"` + strings.Repeat("e", 10000) + `"`: assertion.ErrKey, `"https://evil.example/jwks"`: assertion.ErrKey, `"\ud800"`: assertion.ErrKey, `"\u0435"`: assertion.ErrKey, `"\u0065"`: nil,
		`""`: assertion.ErrMalformed, `null`: assertion.ErrMalformed, `0`: assertion.ErrMalformed, `["e"]`: assertion.ErrMalformed, `{"e":"e"}`: assertion.ErrMalformed,
	} {
		tests["kid "+kid[:min(len(kid), 30)]] = outcome{es256.sign(`{"alg":"ES256","kid":`+kid+`}`, good), want}
	}
	return tests
}

// headerAttacks bring a key, or change how an assertion is read.
func headerAttacks() map[string]outcome {
	tests := map[string]outcome{}
	header := func(members string) string { return `{"alg":"ES256",` + members + `}` }
	certificate := must(x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{SerialNumber: big.NewInt(1)}, another.key.Public(), another.key))
	x5c := `"x5c":["` + base64.StdEncoding.EncodeToString(certificate) + `"]`
	for _, members := range []string{`"jwk":` + jwk(another.key.Public(), nil), `"jwk":null`, `"jwk":{}`, `"jwk":""`, `"\u006awk":{}`, `"kid":"e","jwk":` + jwk(p256.Public(), nil),
		`"jku":"https://evil.example/jwks"`, `"jku":null`, `"jku":["x"]`, `"x5u":"https://evil.example/cert"`, `"x5u":null`} {
		tests["by another key, "+members] = outcome{another.sign(header(members), claims(nil)), assertion.ErrKey}
		tests[members] = outcome{es256.sign(header(members), claims(nil)), assertion.ErrKey}
	}
	for _, members := range []string{x5c, x5c + `,"x5t":"AAAA","x5t#S256":"AAAA"`, `"x5c":[]`, `"x5t":"AAAA"`, `"x5t":null`, `"x5t#S256":1`} {
		tests["by another key, "+members] = outcome{another.sign(header(members), claims(nil)), assertion.ErrSignature}
		tests[members] = outcome{es256.sign(header(members), claims(nil)), nil}
	}
	for _, members := range []string{`"crit":[]`, `"crit":null`, `"crit":["exp"],"exp":1`, `"crit":["b64"],"b64":false`, `"crit":["b64"],"b64":true`, `"crit":["alg"]`, `"crit":"exp"`, `"\u0063rit":["x"]`,
		`"b64":false`, `"b64":true`, `"b64":null`, `"cty":"JWT"`, `"cty":""`, `"cty":null`, `"zip":"DEF"`, `"zip":null`} {
		tests[members] = outcome{es256.sign(header(members), claims(nil)), assertion.ErrMalformed}
	}
	for _, members := range []string{`"Crit":["x"]`, `"B64":false`, `"nonce":"n"`, `"url":"https://as.example"`, `"svt":"x"`, `"enc":"A256GCM"`, `"ALG":"none"`, `"\ud800":1`} {
		tests[members] = outcome{es256.sign(header(members), claims(nil)), nil} // RFC 7515 section 4: names have a case, unknown ones are ignored
	}
	input := b64(header(`"b64":false`)) + "." + claims(nil) // RFC 7797: the claims are not encoded
	tests["claims without base64"] = outcome{input + "." + b64(es256.signature(input)), assertion.ErrMalformed}
	return tests
}

// shapeAttacks are texts that some parsers read as other ones.
func shapeAttacks() map[string]outcome {
	valid := es256.sign(es256Header, claims(nil))
	parts := strings.Split(valid, ".")
	h, c, s := parts[0], parts[1], parts[2]
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	loose := func(part string) string { // the same bytes for many decoders
		return part[:len(part)-1] + alphabet[strings.IndexByte(alphabet, part[len(part)-1])+1:][:1]
	}
	tests := map[string]outcome{}
	for name, compact := range map[string]string{
		"empty": "", "dots": "..", "one part": h, "two parts": h + "." + c, "four parts": valid + ".", "five parts": valid + ".." + s, "a dot before": "." + valid, "detached claims": h + ".." + s,
		"no header": "." + c + "." + s, "JSON serialization": fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, h, c, s),
		"general JSON serialization": fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q}]}`, c, h, s),
		"JWE":                        b64(`{"alg":"RSA-OAEP","enc":"A256GCM"}`) + ".AAAA.AAAA.AAAA.AAAA", "padding of the header": h + "=." + c + "." + s, "padding of the signature": valid + "==",
		"space before": " " + valid, "space behind": valid + " ", "line end": valid + "\n", "CR LF": h + "\r\n." + c + "." + s, "line break in the signature": h + "." + c + "." + s[:10] + "\n" + s[10:],
		"line break in the claims": h + "." + c[:8] + "\r\n" + c[8:] + "." + s, "tab": h + ".\t" + c + "." + s, "NUL": valid + "\x00", "BOM": "\ufeff" + valid, "plus": h + "." + c + ".+" + s[1:], "slash": h + "." + c + "./" + s[1:],
		"percent": h + "%2E" + c + "." + s, "quotes": `"` + valid + `"`, "Bearer": "Bearer " + valid, "two": valid + "," + valid, "loose bits of the signature": h + "." + c + "." + loose(s),
		"one character": h + "." + c + ".A", "too long": es256.sign(es256Header, claims(map[string]any{"x": strings.Repeat("x", 12<<10)})), "dots only": strings.Repeat(".", 1<<20),
		"brackets": b64(strings.Repeat("[", 12000)) + "." + c + "." + s, "braces": b64(strings.Repeat(`{"a":`, 2000)) + "." + c + "." + s,
		"SAML": b64("<saml:Assertion/>"), "a text of dots": "a.b.c", "a full stop that is not ASCII": h + "\uff0e" + c + "\uff0e" + s,
	} {
		tests[name] = outcome{compact, assertion.ErrMalformed}
	}
	for i, header := range []string{"", "null", "[]", `"alg"`, `{"alg":"ES256"`, `{"alg":"ES256"}{}`, `{"alg":"ES256"}]`, `{"alg":"ES256",}`, `{'alg':'ES256'}`, `{alg:"ES256"}`, "\ufeff" + es256Header, `{"alg":"ES256"}` + "\x00",
		`{"alg":"none","alg":"ES256"}`, `{"alg":"ES256","alg":"ES256"}`, `{"\u0061lg":"none","alg":"ES256"}`, `{"alg":"ES256","kid":"e","kid":"f"}`, "{\"alg\":\"ES256\",\"x\":\"\xff\"}", "{\"alg\":\"ES256\",\"x\":\"\n\"}",
		`{"alg":"ES256","x":01}`, `{"alg":"ES256","x":+1}`, `{"alg":"ES256","x":NaN}`, `{"alg":"ES256","x":"\x41"}`, `{"alg":"ES256"/**/}`, `{"alg":"ES256" "kid":"e"}`, `{"alg":"ES256","\ud800":1,"\ud801":2}`,
		`{"alg":"ES256","x":` + strings.Repeat("[", 11000)} {
		tests[fmt.Sprintf("header %d", i)] = outcome{es256.sign(header, claims(nil)), assertion.ErrMalformed}
	}
	behind := func(members string) string { return `{` + members + `,` + claims(nil)[1:] }
	for i, text := range []string{"", "null", "[]", `"x"`, "1", valid, "[" + claims(nil) + "]", claims(nil) + claims(nil), claims(nil) + ",", "\ufeff" + claims(nil), "\xff\xfe" + claims(nil), claims(nil) + "\x00", behind(`"sub":"admin"`),
		behind(`"su\u0062":"admin"`), behind(`"aud":"x"`), behind(`"exp":1`), behind(`"jti":null`), behind("\"x\":\"\xc0\x80\""), behind("\"x\":\"\xed\xa0\x80\""), behind(`"x":0x10`), behind(`"x":1.`), behind(`"x":Infinity`)} {
		tests[fmt.Sprintf("claims %d", i)] = outcome{es256.sign(es256Header, text), assertion.ErrMalformed}
	}
	for i, text := range []string{behind(`"x":{"sub":"admin"}`), behind(`"Sub":"admin"`), behind(`"sub ":"admin"`), behind(`"x":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000)), " " + claims(nil) + "\n", behind(`"x":1e99999`)} {
		tests[fmt.Sprintf("read alike %d", i)] = outcome{es256.sign(es256Header, text), nil}
	}
	room := (16<<10-len(h)-len(s)-2)*3/4 - len(behind(`"x":""`))
	tests["16 KiB"] = outcome{es256.sign(es256Header, behind(`"x":"`+strings.Repeat("x", room)+`"`)), nil}
	tests["more than 16 KiB"] = outcome{es256.sign(es256Header, behind(`"x":"`+strings.Repeat("x", room+1)+`"`)), assertion.ErrMalformed}
	return tests
}
