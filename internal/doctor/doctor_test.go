package doctor_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/doctor"
	"oauthgw/internal/legacy"
	"oauthgw/wellknown"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func examine(t *testing.T, c doctor.Config) doctor.Report {
	t.Helper()
	r, err := doctor.Examine(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func text(r doctor.Report) string {
	var b strings.Builder
	for _, f := range r.Findings {
		b.WriteString(f.Severity.String() + ": " + f.Subject + ": " + f.Problem + " " + f.Fix + "\n")
	}
	return b.String()
}

func TestSoundServer(t *testing.T) {
	s := newServer(t, func(*server) {})
	r := examine(t, doctor.Config{URL: s.URL})
	if r.Findings == nil || len(r.Findings) > 0 {
		t.Errorf("found\n%s", text(r))
	}
	if n := len(s.requests); n > 25 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestProviderThatReadsTheFormOnly(t *testing.T) {
	var provider *legacy.Provider
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { provider.ServeHTTP(w, r) }))
	defer s.Close()
	provider = legacy.New(legacy.Config{PublicURL: s.URL})
	r := examine(t, doctor.Config{URL: s.URL})
	for i, subject := range []string{"token endpoint", "revocation endpoint"} {
		f := r.Findings[i]
		if f.Severity != wellknown.Problem || f.Subject != subject || !strings.Contains(f.Problem, `Basic is answered with status 400 "invalid_request" "Missing client_id parameter"`) ||
			!strings.Contains(f.Fix, "Put oauthgw in front") {
			t.Errorf("got %+v", f)
		}
	}
	if r.Count(wellknown.Problem) != 2 || !strings.Contains(text(r), "warning: "+openidPath+": The status is 200 and the body is not a JSON object") {
		t.Errorf("found\n%s", text(r))
	}
}

// Findings quote a server's words escaped and without the credentials in them.
func TestHostileWords(t *testing.T) {
	var sent []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodGet {
			u := "http://" + r.Host
			_, _ = io.WriteString(w, `{"issuer":"`+u+`","token_endpoint":"`+u+`/t","\u001b[31m":[],"x":[]}`)
			return
		}
		_ = r.ParseForm()
		id, secret, _ := r.BasicAuth()
		sent = append(sent, id, secret, r.Form.Get("client_id"), r.Form.Get("client_secret"), strings.TrimPrefix(r.Header.Get("Authorization"), "Basic "))
		w.WriteHeader(400)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "\x1b[31m\u202e" + r.Form.Get("client_id"),
			"error_description": strings.Join(sent, " ") + strings.Repeat("\x07é", 9999)})
	}))
	defer s.Close()
	got := text(examine(t, doctor.Config{URL: s.URL}))
	if !strings.Contains(got, `\x1b[31m\u202e`) || strings.ContainsAny(got, "\x1b\x07\u202e") || len(got) > 6000 {
		t.Errorf("got %q", got)
	}
	for _, secret := range sent {
		if secret != "" && strings.Contains(got, secret) {
			t.Errorf("%q is in\n%s", secret, got)
		}
	}
}

func TestTrust(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that fails
	s.StartTLS()
	defer s.Close()
	r := examine(t, doctor.Config{URL: s.URL})
	if got := text(r); len(r.Findings) != 1 || !strings.HasPrefix(got, "problem: connection: The certificate is not trusted: ") || !strings.Contains(got, "--ca-file") {
		t.Errorf("found\n%s", got)
	}
	roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	if got := text(examine(t, doctor.Config{URL: s.URL, Roots: roots})); strings.Contains(got, "certificate") || !strings.Contains(got, "There is no metadata") {
		t.Errorf("found\n%s", got)
	}
}

func TestTimeout(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer s.Close()
	defer close(release)
	got := text(examine(t, doctor.Config{URL: s.URL, Timeout: 50 * time.Millisecond}))
	if !strings.HasPrefix(got, `problem: connection: The server cannot be reached: "there was no response within 50ms".`) || strings.Count(got, "\n") != 1 {
		t.Errorf("found\n%s", got)
	}
}

func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := doctor.Examine(ctx, doctor.Config{URL: "http://127.0.0.1:1"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestInvalidURLs(t *testing.T) {
	for _, u := range []string{"", "a", "ftp://a", "https://", "https://:443", "https://u@a", "https://a?", "https://a?x", "https://a#x", "https://a/%0a", "https://a/%e2%80%ae", ":"} {
		if _, err := doctor.Examine(t.Context(), doctor.Config{URL: u}); err == nil {
			t.Errorf("%q was examined", u)
		}
	}
}
