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

// publicClient returns a configuration with one public client.
func publicClient(t *testing.T, change func(*clients.Config)) config.Config {
	t.Helper()
	client := clients.Config{
		SecretFile: filepath.Join(t.TempDir(), "secret"), Public: true, RedirectURIs: []string{"http://127.0.0.1/callback"},
	}
	write(t, client.SecretFile, "a-secret-of-enough-length")
	change(&client)
	c := config.Default()
	c.Upstream.URL, c.Clients = "http://127.0.0.1:1", map[string]clients.Config{"agents": client}
	return c
}

// TestH10H11SecretFiles checks which files hold a secret, that one line end is dropped, and that
// errors and settings do not show the secret.
func TestH10H11SecretFiles(t *testing.T) {
	const secret = "canary with 18 B~!"
	const lines = "FILE must hold the secret as one line of printable ASCII characters (RFC 6749 section A.2); remove other characters and lines"
	const short = "the secret in FILE is shorter than 16 bytes, and could be guessed or be part of another text; let the provider issue a longer one"
	const empty = "FILE is empty; write the client's secret at the provider into it"
	for text, want := range map[string]string{
		secret: "", secret + "\n": "", secret + "\r\n": "", secret[:16] + "\n": "",
		secret + "\n\n": lines, secret + "\r": lines, secret + "\r\r\n": lines, secret + "\n\r\n": lines, secret + "\nsecond": lines,
		secret + "\x00": lines, secret + "\t\n": lines, secret + "é": lines, "\ufeff" + secret: lines, secret + "\x7f": lines,
		secret[:15] + "\n": short, "x": short, "": empty, "\n": empty, "\r\n": empty,
	} {
		c := publicClient(t, func(c *clients.Config) { write(t, c.SecretFile, text) })
		file := c.Clients["agents"].SecretFile
		s, err := c.Validate()
		if want != "" {
			want = "clients.agents.secret_file: " + strings.ReplaceAll(want, "FILE", file)
		}
		if got := fmt.Sprint(err); got != want && (want != "" || err != nil) {
			t.Errorf("%q: got %s", text, got)
		}
		if kept := s.Clients.All()[0].Secret.Reveal(); err == nil && kept != strings.TrimRight(text, "\r\n") {
			t.Errorf("%q: the secret is %q", text, kept)
		}
		if shown := fmt.Sprintf("%v %+v %#v", err, s, s.Clients.All()); strings.Contains(shown, "canary") {
			t.Errorf("%q: the secret is shown: %s", text, shown)
		}
	}
}

// TestH10ConfidentialSecret checks that a secret that is never lent may be short, but not broken.
func TestH10ConfidentialSecret(t *testing.T) {
	for text, valid := range map[string]bool{"short": true, "": false, "two\nlines": false} {
		c := publicClient(t, func(c *clients.Config) {
			write(t, c.SecretFile, text)
			c.Public, c.RedirectURIs = false, nil
		})
		if s, err := c.Validate(); (err == nil) != valid || s.Clients.HasPublic() {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func TestH10RedirectURIs(t *testing.T) {
	for uri, want := range map[string]string{
		"https://app.example/cb": "", "https://app.example": "", "https://[2001:db8::1]:8443/cb?a=b%20c": "", "https://App.example/cb": "",
		"http://127.0.0.1": "", "http://127.0.0.1:8000/cb": "", "http://[::1]/cb": "", "http://localhost/cb?x": "",
		"cursor://anysphere.cursor-mcp/oauth/callback": "", "vscode://vscode.github-authentication": "", "msauth.com.Example://auth": "",

		"http://app.example/cb": "plain http", "http://127.0.0.2/cb": "plain http", "http://127.1/cb": "plain http", "http://LOCALHOST/cb": "plain http",
		"http://localhost./cb": "plain http", "http://127.0.0.1.evil.example/cb": "plain http", "http://[::ffff:127.0.0.1]/cb": "plain http",
		"http://[0:0:0:0:0:0:0:1]/cb": "plain http", "http://0.0.0.0/cb": "plain http",

		"https://app.example/callback/*": "wildcard", "https://*.app.example/": "wildcard", "*": "wildcard", "http://127.0.0.1:*/cb": "wildcard",

		"javascript:alert(1)": "no app can own", "javascript://app.example/%0aalert(1)": "no app can own", "JavaScript://app.example/": "no app can own", "data:text/html,x": "no app can own",
		"data://app.example/": "no app can own", "file:///tmp/x": "no app can own", "file://host/x": "no app can own", "blob://app.example/": "no app can own", "blob:https://app.example/": "no app can own",
		"vbscript://host/": "no app can own", "view-source://app.example/": "no app can own", "filesystem://app.example/": "no app can own", "about:blank": "no app can own", "ws://host/": "no app can own",

		"": "must be", "/cb": "must be", "//app.example/cb": "must be", "app.example/cb": "must be", "cb": "must be", "?x": "must be",
		"https:app.example": "must be", "https:///cb": "must be", "https:/app.example/cb": "must be", "https://:443/": "must be", "https://app.example:/": "must be",
		"https://app.example:99999/": "must be", "HTTPS://app.example/": "must be", "httpS://app.example/": "must be", "HTTP://127.0.0.1/": "must be",
		"https://app.example/#": "must be", "https://app.example/#x": "must be", "https://user@app.example/": "must be", "https://@app.example/": "must be",
		"http://127.0.0.1@evil.example/": "must be", "http://127.0.0.1:80@evil.example/": "must be", `http://127.0.0.1\@evil.example/`: "must be",
		`https://app.example\cb`: "must be", "https://app.example/a b": "must be", " https://app.example/": "must be", "https://app.example/\n": "must be",
		"https://app.example/\x00": "must be", "https://app.example/é": "must be", "https://büro.example/": "must be", "https://app.example/%zz": "must be",
		"https://app.example/?%zz": "must be", "https://app.ex%61mple/": "must be", "https://app.example;x/": "must be", "https://app.example/<x>": "must be",
		"com.example.app:/cb": "must be", "cursor:host": "must be", "cursor://": "must be", "cursor:///cb": "must be", "urn:ietf:wg:oauth:2.0:oob": "no app can own",
		"http://127.0.0.1:8000:1/": "must be", "http://::1/cb": "must be",
	} {
		c := publicClient(t, func(c *clients.Config) { c.RedirectURIs = []string{uri} })
		_, err := c.Validate()
		if got := fmt.Sprint(err); want == "" && err != nil || !strings.Contains(got, want) || want != "" && !strings.HasPrefix(got, "clients.agents.redirect_uris: \"") {
			t.Errorf("%q: got %s, want %s", uri, got, want)
		}
	}
}

func TestH10Aliases(t *testing.T) {
	for alias, valid := range map[string]bool{
		"https://chatgpt.com/oauth/codex/client.json": true, "https://agent.example/x": true, "https://agent.example:8443/x/": true,
		"https://agent.example/.well-known/...": true, "https://agent.example/a%20b//": true, "https://[2001:db8::1]/x": true, "https://192.0.2.1/x": true,

		"": false, "x": false, "/x": false, "https://agent.example": false, "https://agent.example/": false, "http://agent.example/x": false,
		"http://127.0.0.1/x": false, "HTTPS://agent.example/x": false, "https://Agent.example/x": false, "https://agent.example:443/x": false,
		"https://agent.example:/x": false, "https://user@agent.example/x": false, "https://user:secret@agent.example/x": false, "https://@agent.example/x": false,
		"https://agent.example/x?": false, "https://agent.example/x?y": false, "https://agent.example/x#": false, "https://agent.example/x#y": false,
		"https://agent.example/./x": false, "https://agent.example/../x": false, "https://agent.example/x/..": false, "https://agent.example/.": false,
		"https://agent.example/%2e%2e/x": false, "https://agent.example/.%2E/x": false, "https://agent.example/a%2f..%2fx": false, "https://agent.example/a%5c..%5cx": false,
		`https://agent.example/a\x`: false, "https://agent.example/%zz": false, "https://agent.example/*": false, "https://agent.example/a b": false,
		"https://agent.example/é": false, "https://agent.example/x\n": false, " https://agent.example/x": false, "https:///x": false, "https:agent.example/x": false,
		"https://büro.example/x": false, "https://192.0.2/x": false, "javascript://agent.example/x": false,
	} {
		c := publicClient(t, func(c *clients.Config) { c.Aliases = []string{alias} })
		if _, err := c.Validate(); (err == nil) != valid || err != nil && !strings.HasPrefix(err.Error(), "clients.agents.aliases: ") {
			t.Errorf("%q: got %v", alias, err)
		}
	}
}

func TestH10Defaults(t *testing.T) {
	c := publicClient(t, func(*clients.Config) {})
	c.Upstream.ClientAuth = "client_secret_basic"
	c.Clients["legacy"] = clients.Config{ProviderAuth: "client_secret_post"}
	s, err := c.Validate()
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.Clients.All()[0].Grants); got != "[authorization_code refresh_token]" {
		t.Errorf("the grants are %s", got)
	}
	for id, want := range map[string]string{"agents": "client_secret_basic", "legacy": "client_secret_post", "unlisted": "client_secret_basic"} {
		if got := s.Clients.ProviderAuth(id); string(got) != want {
			t.Errorf("%s authenticates by %s", id, got)
		}
	}
}

// TestClientWarnings checks what is reported about clients that are valid.
func TestClientWarnings(t *testing.T) {
	const authorization = "endpoints: lacks authorization, so public clients cannot log in; add endpoints.authorization"
	const token = "endpoints: lacks token, so public clients cannot log in; add endpoints.token"
	for _, test := range []struct {
		public    bool
		mode      os.FileMode
		endpoints map[string]string
		want      []string
	}{
		{true, 0o600, nil, nil},
		{true, 0o600, map[string]string{"token": "/t", "authorization": "/a"}, nil},
		{true, 0o600, map[string]string{"token": "/t"}, []string{authorization}},
		{true, 0o600, map[string]string{"authorization": "/a"}, []string{token}},
		{true, 0o644, nil, []string{"FILE holds a secret and is readable by all users of this host; its mode is 0644"}},
		{false, 0o600, map[string]string{"token": "/t"}, []string{"clients.agents.secret_file: has no effect without public: true or assertions, and the secret is never sent; set one of them, or remove this key"}},
		{false, 0o600, map[string]string{"authorization": "/a"}, []string{
			"endpoints.authorization: has no effect without repair.requests or a public client, and the path passes through; set repair.requests or clients, or remove endpoints.authorization",
			"clients.agents.secret_file: has no effect without public: true or assertions, and the secret is never sent; set one of them, or remove this key"}},
	} {
		c := publicClient(t, func(c *clients.Config) {
			if !test.public {
				c.Public, c.RedirectURIs = false, nil
			}
			if err := os.Chmod(c.SecretFile, test.mode); err != nil {
				t.Fatal(err)
			}
		})
		c.Endpoints, c.TrustedProxies = test.endpoints, []string{"127.0.0.1"}
		s, err := c.Validate()
		want := strings.ReplaceAll(strings.Join(test.want, "\n"), "FILE", c.Clients["agents"].SecretFile)
		if got := strings.Join(s.Warnings("127.0.0.1:80"), "\n"); err != nil || got != want {
			t.Errorf("%+v: got %v\n%s", test, err, got)
		}
	}
}

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
