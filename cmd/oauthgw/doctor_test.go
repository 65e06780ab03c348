package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"oauthgw/internal/legacy"
	"oauthgw/internal/server"
)

// TestDoctorTellsProviderFromGateway checks that the doctor finds the provider's problems,
// and none at a gateway in front of it.
func TestDoctorTellsProviderFromGateway(t *testing.T) {
	var issuer string
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		legacy.New(legacy.Config{PublicURL: issuer}).ServeHTTP(w, r)
	}))
	defer provider.Close()
	issuer = provider.URL
	out, _, err := invoke(t, "doctor", provider.URL)
	if got := errorText(err); got != "problems: 2" || !strings.Contains(out, "problem: token endpoint: Credentials sent by HTTP Basic") ||
		!strings.Contains(out, "\n  → Put oauthgw in front of the provider.") || !strings.HasSuffix(out, "\nproblems: 2, warnings: 4, notes: 3\n") {
		t.Errorf("at the provider: %v\n%s", err, out)
	}

	l, _ := listenRaw(t, "tcp")
	address := l.Addr().String()
	issuer = "http://" + address
	var log syncBuffer
	s := testSettings(t, provider.URL)
	g := startWith(t, s, testTelemetry(&log, s), &log, server.Sockets{"listen": l})
	eventually(t, "readiness", func() bool { return status(t, "http://"+g.admin+"/-/ready") == 200 })
	out, _, err = invoke(t, "doctor", "--format=json", issuer)
	var report struct {
		URL      string
		Findings []struct{ Severity, Subject, Problem, Fix string }
		Tested   []struct{ Method, URL string }
	}
	if err != nil || json.Unmarshal([]byte(out), &report) != nil || report.URL != "http://"+address {
		t.Errorf("at the gateway: %v\n%s", err, out)
	}
	if len(report.Tested) != 6 || report.Tested[0].Method != "GET" || !strings.HasPrefix(report.Tested[0].URL, "http://"+address+"/.well-known/") {
		t.Errorf("tested %+v", report.Tested)
	}
	for _, f := range report.Findings {
		if f.Severity != "note" || f.Subject != "other origins" {
			t.Errorf("at the gateway: %+v", f)
		}
	}
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
