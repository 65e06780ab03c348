package config_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oauthgw/internal/clients"
	"oauthgw/internal/config"
)

// private is d of the key in testdata/client.jwks, an example in RFC 7517 appendix A.2. No output may show it.
const private = "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"

// keyClient returns a configuration with one client that has keys.
func keyClient(t *testing.T, change func(*clients.Config)) config.Config {
	t.Helper()
	return publicClient(t, func(c *clients.Config) {
		c.Public, c.RedirectURIs = false, nil
		c.Assertions = []clients.IssuerConfig{{JWKSFile: "testdata/client.jwks"}}
		change(c)
	})
}

// TestCA39KeyFiles checks which JWK Sets are errors in a file, and that errors show no key.
func TestCA39KeyFiles(t *testing.T) {
	const noKey = "FILE has no key that can verify assertions; write public RSA, EC or Ed25519 keys into it, and check their crv, alg and use"
	const noSet = `FILE: it is not a JWK Set such as {"keys": [{"kty": "EC", …}]}; convert keys from PEM, public ones only`
	const tooLarge = "FILE: it has more than 100 keys or 256 KiB"
	const short = "has 1024 bits; RSA keys need 2048 to 4096"
	const isPrivate = "is a private key; remove d, p, q and the like, and replace the key if others could read it"
	const isSymmetric = "is a symmetric key, a shared secret; use RSA, EC or Ed25519 keys"
	set := textOf(t, "testdata/client.jwks")
	_, public, _ := strings.Cut(strings.TrimSpace(set[:strings.LastIndex(set, "]")]), "},")
	rsa := func(bits int) string {
		n := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("\xff", bits/8)))
		return `{"kty": "RSA", "e": "AQAB", "n": "` + n + `"}`
	}
	for keys, want := range map[string]string{
		public: "", `{"kty": "FOO"}, 1, null, ` + public: "", rsa(2048): "", strings.Repeat(`{"kty": "FOO"},`, 99) + public: "",

		"": noKey, `{"kty": "FOO"}`: noKey, strings.Replace(public, "{", `{"use": "enc", `, 1): noKey, strings.Replace(public, "{", `{"alg": "ES384", `, 1): noKey,
		strings.Repeat(`{"kty": "FOO"},`, 100) + public: tooLarge, public + strings.Repeat(" ", 256<<10): tooLarge, public + ",": noSet,
		rsa(1024): "FILE: key 1 " + short, public + "," + rsa(1024): "FILE: key 2 " + short,
		strings.Replace(public, "{", `{"d": "`+private+`", `, 1):                                   "FILE: key 1 " + isPrivate,
		`{"kty": "oct", "k": "` + private + `"}`:                                                   "FILE: key 1 " + isSymmetric,
		`{"kty": "oct", "k": "` + private + `"}, {"kty": "RSA", "d": "` + private + `"},` + public: "FILE: key 1 " + isSymmetric + "\nFILE: key 2 " + isPrivate,
	} {
		expectKeyFile(t, `{"keys": [`+keys+`]}`, want)
	}
	for text, want := range map[string]string{
		"": noSet, " \n": noSet, public: noSet, "[" + public + "]": noSet, `{"keys": {}}`: noSet, `{"keys": [], "keys": []}`: noSet, set[:len(set)/2]: noSet,
		`{"kty": "EC", "d": "` + private + `"}`: noSet, "-----BEGIN PRIVATE KEY-----\n" + private: noSet, `{"keys": ["` + private: noSet,
		strings.Repeat(" ", 1<<20+1): "FILE is larger than 1 MiB",
	} {
		expectKeyFile(t, text, want)
	}
}

func expectKeyFile(t *testing.T, text, want string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys")
	write(t, file, text)
	s, err := keyClient(t, func(c *clients.Config) { c.Assertions[0].JWKSFile = file }).Validate()
	var got []string
	if err != nil {
		got = strings.Split(err.Error(), "\n")
	}
	for i, line := range got {
		got[i] = strings.ReplaceAll(strings.TrimPrefix(line, "clients.agents.assertions[1].jwks_file: "), file, "FILE")
	}
	if strings.Join(got, "\n") != want {
		t.Errorf("%.200s\ngot  %q\nwant %q", strings.ReplaceAll(text, private, "PRIVATE"), got, want)
	}
	if shown := fmt.Sprintf("%v %+v %#v", err, s, err); strings.Contains(shown, private) || strings.Contains(shown, "a-secret-of") {
		t.Errorf("%.200s: a key or the secret is shown", strings.ReplaceAll(text, private, "PRIVATE"))
	}
	if !slices.Contains(s.Files, file) {
		t.Errorf("the file is not watched: %q", s.Files)
	}
}

// TestCA45SecretOfAssertions checks that a secret that replaces assertions is long enough and not readable by all.
func TestCA45SecretOfAssertions(t *testing.T) {
	for secret, want := range map[string]string{
		"15-bytes-secret":  "clients.agents.secret_file: the secret in FILE is shorter than 16 bytes, and could be guessed or be part of another text; let the provider issue a longer one",
		"16-bytes-secret!": "",
	} {
		c := keyClient(t, func(c *clients.Config) { write(t, c.SecretFile, secret) })
		file := c.Clients["agents"].SecretFile
		if err := os.Chmod(file, 0o604); err != nil {
			t.Fatal(err)
		}
		s, err := c.Validate()
		if got := strings.ReplaceAll(fmt.Sprint(err), file, "FILE"); got != want && (want != "" || err != nil) {
			t.Errorf("got %s, want %s", got, want)
		}
		if got := fmt.Sprint(s.Warnings("[::1]:80")); !strings.Contains(got, file+" holds a secret and is readable by all") || strings.Contains(got, "has no effect without public") {
			t.Errorf("the warnings are %s", got)
		}
	}
}
