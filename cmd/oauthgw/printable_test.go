package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// success is a line that only the program may print.
const success = "metadata OK: no problems for strict clients"

// harmfulTexts are texts that clear a terminal, begin lines, or change the direction of reading.
var harmfulTexts = map[string]string{
	"controls":      "\x1b[2J\a\b\x7f",
	"line breaks":   "\r\n" + success + "\r\n",
	"C1":            "\u009b2J\u0085",
	"directions":    "\u202e\u2066\u200f\u061c\u200b\u2028" + success + "\u2029",
	"no ink":        "\u3164\u115f\u2800\u034f\u180b\ufe0f\U000e0100",
	"escapes":       "%1b%5b2J%07%0d%0a" + success + "%0a%c2%9b%e2%80%ae",
	"marks of ours": `" and all is well. "`,
}

// expectPrintable fails the test if a text can control a terminal, or has a line that the
// provider or a client wrote.
func expectPrintable(t *testing.T, where, text string) {
	t.Helper()
	if strings.ContainsFunc(text, func(c rune) bool {
		return (!unicode.IsPrint(c) || strings.ContainsRune(harmfulTexts["no ink"], c)) && c != '\n' && c != '\t'
	}) {
		t.Errorf("%s:\n%+q", where, text)
	}
	if slices.Contains(strings.Split(text, "\n"), success) || strings.Contains(text, harmfulTexts["marks of ours"]) {
		t.Errorf("%s is forged:\n%s", where, text)
	}
}

// forgingProvider writes a text into every string of its metadata and responses. The URLs
// are at its origin or elsewhere.
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

// TestA181ProviderText checks that metadata can neither control an operator's terminal nor
// look like output of the program.
func TestA181ProviderText(t *testing.T) {
	for name, harm := range harmfulTexts {
		for _, elsewhere := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s %v", name, elsewhere), func(t *testing.T) {
				p := forgingProvider(t, harm, elsewhere)
				for _, keys := range []string{"", "public_url: https://c\nmetadata: {issuer: rewrite}\n", "public_url: " + p.URL + "\nendpoints: {token: /other}\n"} {
					file := filepath.Join(t.TempDir(), "oauthgw.yaml")
					writeFile(t, file, "upstream: {url: "+p.URL+"}\n"+keys)
					for _, format := range []string{"text", "json"} {
						out, diagnostics, err := invoke(t, "check", "--config.file="+file, "--format="+format)
						expectPrintable(t, "check "+keys, out+diagnostics+errorText(err))
						if !strings.Contains(out+errorText(err), "metadata") {
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

// TestA181A182RunningGateway checks the log in both formats, the audit log and the status
// page of a gateway between a provider and a client that send such texts.
func TestA181A182RunningGateway(t *testing.T) {
	for name, harm := range harmfulTexts {
		for _, format := range logFormats {
			t.Run(name+" "+format, func(t *testing.T) {
				p := forgingProvider(t, harm, false)
				file := filepath.Join(t.TempDir(), "audit.json")
				g := startProgram(t, p.URL, "public_url: "+p.URL+"\nendpoints: {token: /token}\nlog: {format: "+format+"}\naudit: {file: "+file+"}\n")
				eventually(t, "the metadata problems", func() bool { return strings.Contains(g.log.String(), "problem") })
				for id, path := range map[string]string{"app" + harm: "/token", "app": "/" + url.PathEscape(harm)} {
					resp, err := http.PostForm("http://"+g.data+path, url.Values{"client_id": {id}})
					if err != nil {
						t.Fatal(err)
					}
					_ = resp.Body.Close()
				}
				page := fetch(t, "http://"+g.admin+"/", "")
				eventually(t, "the audit record", func() bool { return strings.HasSuffix(contents(file), "}\n") })
				g.stop()
				for where, text := range map[string]string{"log": g.log.String(), "stdout": g.stdout.String(), "audit": contents(file), "status page": page} {
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
