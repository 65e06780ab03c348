package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"oauthgw/internal/legacy"
	"oauthgw/internal/server"
)

// startLegacy runs the provider of the demo, whose issuer is a listener's address. Nil: its own.
func startLegacy(t *testing.T, l net.Listener) string {
	var issuer string
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		legacy.New(legacy.Config{PublicURL: issuer}).ServeHTTP(w, r)
	}))
	t.Cleanup(provider.Close)
	if issuer = provider.URL; l != nil {
		issuer = "http://" + l.Addr().String()
	}
	return provider.URL
}

// TestDoctorAtProvider checks that the doctor finds the provider's problems.
func TestDoctorAtProvider(t *testing.T) {
	out, _, err := invoke(t, "doctor", startLegacy(t, nil))
	if got := errorText(err); got != "problems: 2" || !strings.Contains(out, "problem: token endpoint: Credentials sent by HTTP Basic") ||
		!strings.Contains(out, "\n  → Put oauthgw in front of the provider.") || !strings.HasSuffix(out, "\nproblems: 2, warnings: 4, notes: 3\n") {
		t.Errorf("at the provider: %v\n%s", err, out)
	}
}

// TestCA43CA47DoctorAtGateway checks that the doctor finds no problems at a gateway in front of the
// provider, also if the gateway verifies assertions.
func TestCA43CA47DoctorAtGateway(t *testing.T) {
	for name, clients := range map[string]string{"secrets": "{}", "assertions": "{clients: {app: {secret_file: testdata/secrets/agents, assertions: [{jwks_file: " + edKeyFile(t) + "}]}}}"} {
		l, _ := listenRaw(t, "tcp")
		issuer := "http://" + l.Addr().String()
		var log syncBuffer
		s := fileSettings(t, startLegacy(t, l), clients)
		g := startWith(t, s, testTelemetry(&log, s), &log, server.Sockets{"listen": l})
		eventually(t, "readiness", func() bool { return status(t, "http://"+g.admin+"/-/ready") == 200 })
		document := fetch(t, issuer+"/.well-known/oauth-authorization-server", "")
		if strings.Contains(document, `"client_secret_basic","private_key_jwt"],"token_endpoint_auth_signing_alg_values_supported":["RS256"`) != (name == "assertions") {
			t.Errorf("%s: the metadata is %s", name, document)
		}
		out, _, err := invoke(t, "doctor", "--format=json", issuer)
		var report struct {
			URL      string
			Findings []struct{ Severity, Subject, Problem, Fix string }
			Tested   []struct{ Method, URL string }
		}
		if err != nil || json.Unmarshal([]byte(out), &report) != nil || report.URL != issuer {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if len(report.Tested) != 6 || report.Tested[0].Method != "GET" || !strings.HasPrefix(report.Tested[0].URL, issuer+"/.well-known/") {
			t.Errorf("%s: tested %+v", name, report.Tested)
		}
		for _, f := range report.Findings {
			if f.Severity != "note" || f.Subject != "other origins" {
				t.Errorf("%s: %+v", name, f)
			}
		}
		if sent := strings.Contains(g.stop(), `"auth_method":"client_assertion"`); sent != (name == "assertions") {
			t.Errorf("%s: an assertion was sent: %v", name, sent)
		}
	}
}

// edKeyFile returns the name of a file with the public key of a client.
func edKeyFile(t *testing.T) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(nil)
	name := filepath.Join(t.TempDir(), "app.jwks")
	if err != nil || os.WriteFile(name, []byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"`+base64.RawURLEncoding.EncodeToString(public)+`"}]}`), 0o600) != nil {
		t.Fatal(err)
	}
	return name
}

// TestA152DoctorFollowsWhenAsked checks that without --follow nothing is sent to endpoints at
// another origin.
func TestA152DoctorFollowsWhenAsked(t *testing.T) {
	var sent atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { sent.Add(1) }))
	defer elsewhere.Close()
	provider := httptest.NewServer(legacy.New(legacy.Config{PublicURL: elsewhere.URL}))
	defer provider.Close()
	for _, test := range []struct {
		args []string
		sent int32
	}{{[]string{provider.URL}, 0}, {[]string{provider.URL, "--follow"}, 5}} {
		sent.Store(0)
		out, _, _ := invoke(t, append([]string{"doctor"}, test.args...)...)
		follows := test.sent > 0
		if sent.Load() != test.sent || strings.Contains(out, "tested: POST "+elsewhere.URL) != follows || strings.Contains(out, "doctor with --follow") == follows {
			t.Errorf("%q: %d requests were sent elsewhere\n%s", test.args, sent.Load(), out)
		}
	}
}

// TestDoctorTrustsAFile checks --ca-file.
func TestDoctorTrustsAFile(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	out, _, err := invoke(t, "doctor", "--ca-file="+writeCertificate(t, server), server.URL)
	if err == nil || !strings.HasPrefix(out, "tested: GET "+server.URL+"/.well-known/") || !strings.Contains(out, "\n\nproblem: metadata: There is no metadata at any location of ") {
		t.Errorf("%v\n%s", err, out)
	}
}
