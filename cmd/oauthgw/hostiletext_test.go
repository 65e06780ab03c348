package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
)

// success is a line that only this program may print.
const success = "metadata OK: no problems for strict clients"

// harms are texts that clear a terminal, begin lines, or turn the direction of reading.
var harms = map[string]string{
	"controls":      "\x1b[2J\a\b\x7f",
	"line breaks":   "\r\n" + success + "\r\n",
	"C1":            "\u009b2J\u0085",
	"directions":    "\u202e\u2066\u200f\u061c\u200b\u2028" + success + "\u2029",
	"no ink":        "\u3164\u115f\u2800\u034f\u180b\ufe0f\U000e0100",
	"escapes":       "%1b%5b2J%07%0d%0a" + success + "%0a%c2%9b%e2%80%ae",
	"marks of ours": `" and all is well. "`,
}

// expectPrintable fails if a text holds what harms a terminal, or a line that the
// provider or a client wrote.
func expectPrintable(t *testing.T, where, text string) {
	t.Helper()
	if strings.ContainsFunc(text, func(c rune) bool {
		return (!unicode.IsPrint(c) || strings.ContainsRune(harms["no ink"], c)) && c != '\n' && c != '\t'
	}) {
		t.Errorf("%s:\n%+q", where, text)
	}
	if slices.Contains(strings.Split(text, "\n"), success) || strings.Contains(text, harms["marks of ours"]) {
		t.Errorf("%s is forged:\n%s", where, text)
	}
}

// forgingProvider writes a text into everything that it says: into each string of its
// metadata, whose URLs are at its origin or at another, and into what it answers.
func forgingProvider(t *testing.T, harm string, elsewhere bool) *httptest.Server {
	t.Helper()
	var p *httptest.Server
	p = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := p.URL
		if elsewhere {
			at = "https://b" + harm
		}
		list := []string{"client_secret_post" + harm, harm}
		answer := map[string]any{"error": "invalid_client" + harm, "error_description": harm, harm: harm}
		status := http.StatusBadRequest
		if strings.HasPrefix(r.URL.Path, "/.well-known/") {
			status = http.StatusOK
			answer = map[string]any{"issuer": p.URL, "authorization_endpoint": at + "/a" + harm, "token_endpoint": p.URL + "/t" + harm,
				"revocation_endpoint": at + "/r" + harm, "introspection_endpoint": "ftp://b" + harm, "jwks_uri": harm, harm: harm,
				"token_endpoint_auth_methods_supported": list, "response_types_supported": list, "scopes_supported": list,
				"authorization_servers": list, "resource": at + harm, "authorization_response_iss_parameter_supported": true}
			if elsewhere {
				answer["issuer"] = p.URL + "/" + harm
			}
		}
		text, err := json.Marshal(answer)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Etag", `"`+url.PathEscape(harm)+`"`)
		w.Header()["Www-Authenticate"] = []string{"Basic realm=\"\xc2\x9b\xe2\x80\xae\""}
		w.WriteHeader(status)
		_, _ = w.Write(text)
	}))
	t.Cleanup(p.Close)
	return p
}

// What a provider writes into its metadata does nothing to the terminal, the log and
// the page of an operator, and reads as nothing that this program says.
func TestA181ProviderText(t *testing.T) {
	for name, harm := range harms {
		for _, elsewhere := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %v", name, elsewhere), func(t *testing.T) {
				p := forgingProvider(t, harm, elsewhere)
				for _, keys := range []string{"", "public_url: https://c\nmetadata: {issuer: rewrite}\n", "public_url: " + p.URL + "\nendpoints: {token: /other}\n"} {
					file := filepath.Join(t.TempDir(), "oauthgw.yaml")
					if err := os.WriteFile(file, []byte("upstream: {url: "+p.URL+"}\n"+keys), 0o600); err != nil {
						t.Fatal(err)
					}
					for _, format := range []string{"text", "json"} {
						out, diagnostics, err := invoke(t, "check", "--config.file="+file, "--format="+format)
						expectPrintable(t, "check "+keys, out+diagnostics+errorText(err))
						if !strings.Contains(out, "metadata") {
							t.Errorf("check says nothing: %s", out)
						}
					}
				}
				for _, args := range [][]string{{"--follow"}, {"--format=json"}} {
					out, diagnostics, err := invoke(t, append([]string{"doctor", p.URL}, args...)...)
					expectPrintable(t, "doctor", out+diagnostics+errorText(err))
				}
			})
		}
	}
}

// A running gateway, in both formats of the log. The client writes the same texts.
func TestA181A182RunningGateway(t *testing.T) {
	for name, harm := range harms {
		for _, format := range []string{"json", "text"} {
			t.Run(name+" "+format, func(t *testing.T) {
				p := forgingProvider(t, harm, false)
				file := filepath.Join(t.TempDir(), "audit.json")
				config := configFile(t, "listen: 127.0.0.1:0\nadmin: {listen: 127.0.0.1:0}\npublic_url: "+p.URL+"\nendpoints: {token: /token}\naudit: {file: "+file+"}\n")
				ctx, cancel := context.WithCancel(t.Context())
				var log, stdout syncBuffer
				done := make(chan error, 1)
				go func() {
					done <- run(ctx, []string{"--config.file=" + config, "--upstream.url=" + p.URL, "--log.format=" + format}, nil, &stdout, &log)
				}()
				eventually(t, "the sentences", func() bool {
					return strings.Contains(log.String(), "problem") && addressIn(log.String(), "admin") != ""
				})
				data, admin := addressIn(log.String(), "listen"), addressIn(log.String(), "admin")
				post := func(id, path string) {
					r, err := http.NewRequest(http.MethodPost, "http://"+data+path, strings.NewReader(url.Values{"client_id": {id}}.Encode()))
					if err != nil {
						t.Fatal(err)
					}
					r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					resp, err := http.DefaultClient.Do(r)
					if err != nil {
						t.Fatal(err)
					}
					_ = resp.Body.Close()
				}
				post("app"+harm, "/token")
				post("app", "/"+url.PathEscape(harm))
				resp, err := http.Get("http://" + admin + "/")
				if err != nil {
					t.Fatal(err)
				}
				page, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				eventually(t, "the audit record", func() bool { return strings.HasSuffix(contents(file), "}\n") })
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
				for where, text := range map[string]string{"log": log.String(), "stdout": stdout.String(), "audit": contents(file), "status page": string(page)} {
					expectPrintable(t, where, text)
				}
				var record struct {
					ID string `json:"client_id"`
				}
				want := "app" + harm
				if strings.ContainsFunc(harm, unicode.IsControl) {
					want = "" // the form is refused
				}
				if err := json.Unmarshal([]byte(contents(file)), &record); err != nil || record.ID != want {
					t.Errorf("the audit record is %q: %v", contents(file), err)
				}
			})
		}
	}
}

// addressIn returns the address of a listener in a log, in either format.
func addressIn(log, key string) string {
	m := regexp.MustCompile(`\b` + key + `"?[:=]"?(127\.0\.0\.1:\d+)`).FindStringSubmatch(log)
	if m == nil {
		return ""
	}
	return m[1]
}

// The names in a certificate are the provider's words as well.
func TestA181CertificateNames(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"a\x1b[2J\a\x7f\r\n" + success + "\r\n"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	p := httptest.NewUnstartedServer(http.NotFoundHandler())
	p.Config.ErrorLog = newStandardLog(nobodys)
	p.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	p.StartTLS()
	defer p.Close()
	upstream := strings.Replace(p.URL, "127.0.0.1", "localhost", 1)
	for _, args := range [][]string{{"check", "--upstream.url=" + upstream}, {"check", "--format=json", "--upstream.url=" + upstream}, {"doctor", upstream}} {
		out, diagnostics, err := invoke(t, args...)
		expectPrintable(t, args[0], out+diagnostics+errorText(err))
		if !strings.Contains(out, `[2J`) {
			t.Errorf("%v does not show the name:\n%s", args, out)
		}
	}
	l, err := newLive(learning(t, upstream), nobody())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.now().learn(t.Context()); err == nil || strings.ContainsAny(err.Error(), "\x1b\r\a\x7f") || !strings.Contains(err.Error(), "[2J") {
		t.Errorf("got %q", err)
	}
}
