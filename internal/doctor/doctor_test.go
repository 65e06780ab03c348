package doctor_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthgw/internal/doctor"

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
		b.WriteString(string(f.Severity) + ": " + f.Subject + ": " + f.Problem + " " + f.Fix + "\n")
	}
	return b.String()
}

// The report of a sound server has no findings and lists every request once, in order.
func TestSoundServer(t *testing.T) {
	s := newServer(t, func(*server) {})
	r := examine(t, doctor.Config{URL: s.URL})
	if r.Findings == nil || len(r.Findings) > 0 {
		t.Errorf("found\n%s", text(r))
	}
	var got []string
	for _, tested := range r.Tested {
		got = append(got, tested.Method+" "+strings.TrimPrefix(tested.URL, s.URL))
	}
	want := []string{"GET " + asPath, "GET " + openidPath, "GET " + resourcePath, "POST /token", "OPTIONS /token", "POST /revoke"}
	if !slices.Equal(got, want) {
		t.Errorf("tested\n%q\nwant\n%q", got, want)
	}
	// Without redirect_uri some servers reject a request before they read the client.
	for _, request := range s.requests {
		if strings.Contains(request, "grant_type=") && !strings.Contains(request, "redirect_uri=") {
			t.Errorf("a token request has no redirect_uri")
		}
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

func TestUnreachable(t *testing.T) {
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that fails
	untrusted.StartTLS()
	defer untrusted.Close()
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer slow.Close()
	for c, want := range map[doctor.Config]string{
		{URL: untrusted.URL}:                            `problem: connection: The server cannot be reached: "tls: failed to verify certificate: `,
		{URL: slow.URL, Timeout: 50 * time.Millisecond}: `problem: connection: The server cannot be reached: "there was no response within 50ms".`,
	} {
		if got := text(examine(t, c)); !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 1 {
			t.Errorf("found\n%s", got)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := doctor.Examine(ctx, doctor.Config{URL: slow.URL}); !errors.Is(err, context.Canceled) {
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

// page is a server's response at a path.
type page struct {
	status int
	header map[string]string
	body   string
}

// server is an authorization server that reads credentials in both places and knows no
// client. It has no findings until a test changes it.
type server struct {
	*httptest.Server
	pages  map[string]page // by path; others are 404
	basic  page            // at the endpoints, to a client that uses Basic
	post   page
	signed page // to a client that uses an assertion

	mu       sync.Mutex
	requests []string // head and body
}

const (
	asPath       = "/.well-known/oauth-authorization-server"
	openidPath   = "/.well-known/openid-configuration"
	resourcePath = "/.well-known/oauth-protected-resource"
)

func newServer(t *testing.T, change func(*server)) *server {
	t.Helper()
	s := &server{pages: map[string]page{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	s.pages[asPath] = document(s.metadata())
	s.basic = page{401, map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store",
		"WWW-Authenticate": `Bearer realm="a", Basic realm="a"`}, `{"error":"invalid_client"}`}
	s.post, s.signed = s.basic, s.basic
	change(s)
	return s
}

// sound is the document of a sound server whose origin is s0.
const sound = `{"issuer":"` + s0 + `","authorization_endpoint":"` + s0 + `/authorize","token_endpoint":"` + s0 + `/token","revocation_endpoint":"` + s0 + `/revoke",` +
	`"response_types_supported":["code"],"code_challenge_methods_supported":["S256"],"token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"]}`

func (s *server) metadata() string { return strings.ReplaceAll(sound, s0, s.URL) }

func document(body string) page {
	return page{200, map[string]string{"Content-Type": "application/json", "Cache-Control": "max-age=60"}, body}
}

// replace changes words of the metadata.
func (s *server) replace(pairs ...string) {
	s.pages[asPath] = document(strings.NewReplacer(pairs...).Replace(s.metadata()))
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path+"\n"+r.Header.Get("Authorization")+"\n"+string(body))
	s.mu.Unlock()
	p, ok := s.pages[r.URL.Path]
	switch {
	case r.Method == http.MethodOptions:
		p = page{status: 204}
	case r.Method == http.MethodPost && r.Header.Get("Authorization") != "":
		p = s.basic
	case r.Method == http.MethodPost && strings.Contains(string(body), "client_assertion="):
		p = s.signed
	case r.Method == http.MethodPost:
		p = s.post
	case !ok:
		p = page{status: 404}
	}
	w.Header().Set("Access-Control-Allow-Origin", "*")
	for name, value := range p.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(p.status)
	_, _ = io.WriteString(w, p.body)
}

// with returns a page with a header field.
func (p page) with(name, value string) page {
	p.header = maps.Clone(p.header)
	p.header[name] = value
	return p
}
