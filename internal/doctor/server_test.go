package doctor_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

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
	pages map[string]page // by path; others are 404
	basic page            // at the endpoints, to a client that uses Basic
	post  page

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
	s.post = s.basic
	change(s)
	return s
}

// metadata is the document of a sound server.
func (s *server) metadata() string {
	return strings.ReplaceAll(`{"issuer":"@","authorization_endpoint":"@/authorize","token_endpoint":"@/token","revocation_endpoint":"@/revoke",`+
		`"response_types_supported":["code"],"code_challenge_methods_supported":["S256"],`+
		`"token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"]}`, "@", s.URL)
}

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

// with returns a page with a header field; an empty value removes it.
func (p page) with(name, value string) page {
	p.header = maps.Clone(p.header)
	p.header[name] = value
	if value == "" {
		delete(p.header, name)
	}
	return p
}
