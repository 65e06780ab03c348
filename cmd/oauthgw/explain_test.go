package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"oauthgw/clientauth"
	"oauthgw/internal/explain"
)

func TestExplanations(t *testing.T) { compareExplanations(t, "testdata/explain.txt") }

// TestCA46Explanations explains requests with assertions. Nothing is used up: each is explained twice.
func TestCA46Explanations(t *testing.T) {
	compareExplanations(t, "testdata/explain-assertions.txt")
}

// untilExpiry matches how long an assertion is valid, which differs from run to run.
var untilExpiry = regexp.MustCompile(`(?m)^(assertion exp +(?:in )?)\d+ s`)

// compareExplanations explains the request of every case in a file. A case is prose followed by
// sections: config, the keys of a configuration file; arguments; request, perhaps with placeholders
// of assertions; output.
func compareExplanations(t *testing.T, name string) {
	t.Helper()
	var updated strings.Builder
	for _, text := range strings.Split("\n"+textOf(t, name), "\n=== ")[1:] {
		title, _, _ := strings.Cut(text, "\n")
		t.Run(title, func(t *testing.T) {
			input, want, _ := strings.Cut(text, "-- output --\n")
			_, sections := splitSections(input)
			var args []string
			var request string
			for _, s := range sections {
				switch s.name {
				case "config":
					args = append(args, "--config.file="+configFile(t, s.text))
				case "arguments":
					args = append(args, strings.Fields(s.text)...)
				case "request":
					request = s.text
				default:
					t.Fatalf("unknown section %q", s.name)
				}
			}
			signed := placeholders{}
			request = signed.sign(t, request)
			got := untilExpiry.ReplaceAllString(explained(t, request, args...), "${1}SECONDS s")
			if again := untilExpiry.ReplaceAllString(explained(t, request, args...), "${1}SECONDS s"); again != got {
				t.Errorf("the second explanation differs:\n%s", again)
			}
			expectNoSecrets(t, title, map[string]string{"output": got}, append(signed.secrets(), "c4nary"))
			fmt.Fprintf(&updated, "=== %s-- output --\n%s\n\n", input, got)
			if want = strings.TrimRight(want, "\n"); got != want && !*update {
				t.Errorf("--- got\n%s\n--- want\n%s", got, want)
			}
		})
	}
	if *update {
		writeFile(t, name, strings.TrimSuffix(updated.String(), "\n"))
	}
}

func configFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "oauthgw.yaml")
	if err := os.WriteFile(name, []byte("upstream: {url: http://127.0.0.1:1}\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// explained returns the output of the command, which is printable ASCII. The command fails
// if the gateway refuses the request, or cannot judge it.
func explained(t *testing.T, request string, args ...string) string {
	t.Helper()
	out, diagnostics, err := invokeWith(t, request, append([]string{"explain"}, args...)...)
	var want error
	switch {
	case strings.Contains(out, "\noutcome             refused: "):
		want = explain.ErrRefused
	case strings.Contains(out, "\noutcome             not judged: "):
		want = explain.ErrNotJudged
	}
	if !errors.Is(err, want) || diagnostics != "" {
		t.Fatalf("got %v\n%s", err, diagnostics)
	}
	if i := strings.IndexFunc(out, func(c rune) bool { return c != '\n' && (c < ' ' || c > '~') }); i >= 0 {
		t.Errorf("not printable ASCII: %q", out)
	}
	return strings.TrimRight(out, "\n")
}

// tokenRequest returns a token request as a text.
func tokenRequest(fields, body string) string {
	return "POST /oauth2/tokens HTTP/1.1\nHost: login.example.com\nContent-Type: application/x-www-form-urlencoded\n" + fields + "\n" + body
}

// TestCaptures checks that a request means the same however it was written down.
func TestCaptures(t *testing.T) {
	const form = "grant_type=client_credentials&client_id=app"
	want := explained(t, tokenRequest("", form))
	for name, request := range map[string]string{
		"an editor's end":       tokenRequest("", form+"\n"),
		"line ends of the wire": strings.ReplaceAll(tokenRequest("", form), "\n", "\r\n"),
		"its length":            tokenRequest("Content-Length: 43\n", form),
		"another length":        tokenRequest("Content-Length: 500\n", form+"\n"),
	} {
		if got := explained(t, request); got != want {
			t.Errorf("%s:\n--- got\n%s\n--- want\n%s", name, got, want)
		}
	}
}

// TestRequestsThatCannotBeExplained checks that an error says what to do and repeats
// nothing of the request.
func TestRequestsThatCannotBeExplained(t *testing.T) {
	const noRequest = "standard input is not an HTTP/1.1 request; start with a line such as POST /oauth2/tokens HTTP/1.1, " +
		"continue with header fields such as Host: login.example.com, and write the body after an empty line"
	const canary = "c4nary"
	for name, test := range map[string]struct{ request, err string }{
		"nothing":         {"", noRequest},
		"an empty line":   {"\nPOST / HTTP/1.1\n", noRequest},
		"a curl line":     {"curl -u app:c4nary https://a/b\n", noRequest},
		"HTTP/2":          {"POST /c4nary HTTP/2\nHost: a\n\n", noRequest},
		"no target":       {"POST c4nary HTTP/1.1\nHost: a\n\n", noRequest},
		"an authority":    {"CONNECT c4nary:443 HTTP/1.1\nHost: a\n\n", noRequest},
		"a control":       {tokenRequest("X-A: c4nary\x00\n", ""), noRequest},
		"no method":       {"P@c4nary / HTTP/1.1\nHost: a\n\n", noRequest},
		"no Host":         {"POST / HTTP/1.1\nX-A: c4nary\n\n", noRequest},
		"two Hosts":       {tokenRequest("Host: c4nary\n", ""), noRequest},
		"no empty line":   {"POST / HTTP/1.1\nHost: a\nclient_secret=c4nary&redirect_uri=https://a", noRequest},
		"no colon":        {tokenRequest("c4nary\n", ""), noRequest},
		"a pseudo-header": {tokenRequest(":authority: c4nary\n", ""), noRequest},
		"chunks":          {tokenRequest("Transfer-Encoding: chunked\n", "code=c4nary"), "the request has Transfer-Encoding; remove it, and write the body without chunks"},
	} {
		out, diagnostics, err := invokeWith(t, test.request, "explain")
		if got := errorText(err); got != test.err || out != "" || strings.Contains(got+diagnostics, canary) {
			t.Errorf("%s: got %q, want %q\n%s%s", name, got, test.err, out, diagnostics)
		}
	}
}

func TestExplainArguments(t *testing.T) {
	request := tokenRequest("", "client_id=app")
	withPaths := configFile(t, "endpoints: {token: /oauth2/tokens}\n")
	const hint = `; run "oauthgw help explain"`
	for args, want := range map[string]string{
		"--endpoint=tokens":                                                 "--endpoint: must be one of [token revocation introspection pushed_authorization_request device_authorization backchannel_authentication registration authorization]" + hint,
		"--endpoint=token --config.file=" + withPaths:                       "--endpoint: the configuration has endpoints, and the path of the request selects one; omit the flag" + hint,
		"--config.file=../../internal/config/testdata/no-upstream.bad.yaml": "",
		"request.txt":              `unexpected argument "request.txt"` + hint,
		"--endpoint=introspection": "",
		"--config.file=../../internal/config/testdata/minimal.good.yaml": "",
		"--config.file=" + withPaths:                                     "",
		"--config.file=" + configFile(t, "endpoints: {}"):                "",
	} {
		out, _, err := invokeWith(t, request, append([]string{"explain"}, strings.Fields(args)...)...)
		if got := errorText(err); got != want || (out == "") != (want != "") {
			t.Errorf("%s: got %q, want %q\n%s", args, got, want, out)
		}
	}
}

// TestLentSecretIsNotExplained checks that the secret of a public client is not shown at any
// endpoint, however the provider reads it.
func TestLentSecretIsNotExplained(t *testing.T) {
	const secret = "c4nary/+ %&=1:2c4nary"
	file := filepath.Join(t.TempDir(), "secret")
	writeFile(t, file, secret)
	const authorization = "response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fa.example%2Fcb&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
	lent := 0
	for _, auth := range []string{"client_secret_post", "client_secret_basic"} {
		config := configFile(t, "clients: {app: {secret_file: "+file+", public: true, register: true, redirect_uris: [\"https://a.example/cb\"], provider_auth: "+auth+"}}\n")
		for _, endpoint := range clientauth.AllEndpoints() {
			for _, request := range []string{
				tokenRequest("", "grant_type=refresh_token&refresh_token=r&token=t&client_id=app"),
				tokenRequest("", "grant_type=password&client_id=app"),
				tokenRequest("Authorization: Basic YXBwOg==\n", authorization),
				tokenRequest("", "client_id=app&client_secret=c&token=t"),
				strings.Replace(tokenRequest("", ""), "POST /oauth2/tokens", "GET /oauth2/tokens?"+authorization, 1),
				strings.Replace(tokenRequest("", `{"redirect_uris":["https://a.example/cb"]}`), "x-www-form-urlencoded", "json", 1),
			} {
				got := explained(t, request, "--config.file="+config, "--endpoint="+string(endpoint))
				expectNoSecrets(t, string(endpoint), map[string]string{auth: got}, []string{"c4nary", secret})
				lent += strings.Count(got, "\nsecret              lent, from "+file+"\n")
			}
		}
	}
	if lent != 2*5 { // one token request, one pushed request, three revocations
		t.Errorf("the secret was lent %d times", lent)
	}
}

// TestNoSecretIsExplained checks that a secret is not shown, wherever the request holds
// it, neither as it is nor encoded.
func TestNoSecretIsExplained(t *testing.T) {
	const secret = "c4nary/+ %é&=1"
	encoded := url.QueryEscape(secret)
	pair := base64.StdEncoding.EncodeToString([]byte("app:" + secret))
	whole := base64.StdEncoding.EncodeToString([]byte(secret))
	config := configFile(t, "endpoints: {token: /oauth2/tokens, registration: /oauth2/register}\nclient_auth: {insecure_query_credentials: true, conflict: report}\n")
	headerOnly := configFile(t, "clients: {app: {provider_auth: client_secret_basic}}\n")
	shapes := map[string]string{
		"basic":          tokenRequest("Authorization: Basic "+pair+"\n", "grant_type=x"),
		"basic, encoded": tokenRequest("Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("app:"+encoded))+"\n", ""),
		"another scheme": tokenRequest("Authorization: Bearer "+whole+"\n", "token="+encoded),
		"other fields":   tokenRequest("Cookie: a="+whole+"\nDPoP: "+whole+"\nX-Api-Key: "+encoded+"\nReferer: https://a/?code="+encoded+"\nX-Auth: "+secret+"\n", ""),
		"form":           tokenRequest("", "client_id=app&client_secret="+encoded+"&code="+encoded+"&tenant="+encoded+"&Tenant="+encoded),
		"a bare value":   tokenRequest("", whole),
		"JSON in a form": tokenRequest("", `{"client_secret":"c4nary"}`),
		"a broken form":  tokenRequest("", "client_secret="+secret+"&client_secret="+secret),
		"not a form":     strings.Replace(tokenRequest("", `{"client_secret":"`+secret+`"}`), "x-www-form-urlencoded", "json", 1),
		"registration":   strings.NewReplacer("x-www-form-urlencoded", "json", "/tokens", "/register").Replace(tokenRequest("", `{"client_secret":"`+secret+`"}`)),
		"query":          strings.Replace(tokenRequest("", "grant_type=x"), "tokens", "tokens?client_id=app&a="+encoded+"&client_secret="+encoded, 1),
		"another path":   strings.Replace(tokenRequest("", "a="+encoded), "tokens", "else?a="+encoded+"&b;"+encoded, 1),
	}
	for name, request := range shapes {
		for _, args := range [][]string{nil, {"--endpoint=introspection"}, {"--config.file=" + config}, {"--config.file=" + headerOnly}} {
			expectNoSecrets(t, name, map[string]string{fmt.Sprint(args): explained(t, request, args...)}, []string{"c4nary", secret})
		}
	}
}

// TestCA46NothingIsFetched checks that the keys at a jwks_uri are not fetched.
func TestCA46NothingIsFetched(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request for keys") }))
	t.Cleanup(server.Close)
	config := configFile(t, "clients: {billing: {secret_file: testdata/secrets/billing, assertions: [{jwks_uri: "+server.URL+"/jwks}]}}\n")
	assertion := signAssertion(t, "billing", `{"alg":"EdDSA"}`, `{"iss":"billing","sub":"billing","aud":"https://a.example","exp":60,"jti":"1"}`)
	form := "grant_type=client_credentials&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion=" + assertion
	expectText(t, explained(t, tokenRequest("", form), "--config.file="+config), "outcome             not judged: the keys at the jwks_uri")
}
