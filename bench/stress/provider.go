package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// The name by which clients know the provider, and the secret they share.
const (
	publicHost = "login.example.com"
	origin     = "https://" + publicHost
	secret     = "s3cret/+é%41 :&="
)

// provider reads credentials only from the form, and remembers what should never
// arrive: a code that came before, an Authorization field.
type provider struct {
	url    string
	server *http.Server
	// ledger is told of each code before it is answered. Nil: nobody is.
	ledger io.Writer
	// before is called at a token request, and may keep it. Nil: nothing.
	before func(http.ResponseWriter, *http.Request)

	mu       sync.Mutex
	last     map[string]int64 // the last code of each client
	redeemed int64
	repeated int64 // codes that came again
	leaked   int64 // requests with Authorization
}

// startProvider starts a provider on a port of its own.
func startProvider() (*provider, error) {
	p := &provider{last: map[string]int64{}}
	return p, p.listen("127.0.0.1:0")
}

// listen begins to serve, or begins again.
func (p *provider) listen(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	p.url = "http://" + l.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", p.serveMetadata)
	mux.HandleFunc("POST /token", p.serveToken)
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "page "+r.FormValue("n")) })
	mux.HandleFunc("GET /large", serveLarge)
	mux.HandleFunc("GET /hanging", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("POST /posted", servePosted)
	mux.HandleFunc("POST /posted/", servePosted)
	server := &http.Server{Handler: mux}
	p.server = server
	go func() { _ = server.Serve(l) }()
	return nil
}

// address is where it listens.
func (p *provider) address() string { return strings.TrimPrefix(p.url, "http://") }

func (p *provider) close() { _ = p.server.Close() }

func (p *provider) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"issuer": origin, "authorization_endpoint": origin + "/page", "token_endpoint": origin + "/token",
		"response_types_supported": []string{"code"}, "code_challenge_methods_supported": []string{"S256"},
	})
}

// serveLarge sends a page that no buffer holds.
func serveLarge(w http.ResponseWriter, _ *http.Request) {
	piece := make([]byte, 32<<10)
	for range 1024 {
		if _, err := w.Write(piece); err != nil {
			return
		}
	}
}

func (p *provider) serveToken(w http.ResponseWriter, r *http.Request) {
	id, code := r.PostFormValue("client_id"), r.PostFormValue("code")
	n, err := strconv.ParseInt(code, 10, 64)
	if p.before != nil {
		p.before(w, r)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Header.Get("Authorization") != "" {
		p.leaked++
	}
	if err != nil || r.PostFormValue("client_secret") != secret {
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	p.redeemed++
	if p.ledger != nil {
		_, _ = fmt.Fprintln(p.ledger, tokenFor(id, n))
	}
	// A client has one code at a time, and each is higher than the one before.
	if n <= p.last[id] {
		p.repeated++
	}
	p.last[id] = n
	answer(w, http.StatusOK, map[string]any{"access_token": tokenFor(id, n), "token_type": "Bearer"})
}

// tokenFor is the token that a code of a client is worth, by which the client
// knows that the answer is its own.
func tokenFor(id string, code int64) string { return fmt.Sprintf("%s.%d", id, code) }

func answer(w http.ResponseWriter, status int, members map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(members)
}

// faults tells what arrived that should not have.
func (p *provider) faults() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var faults []string
	if p.repeated > 0 {
		faults = append(faults, fmt.Sprintf("%d codes reached the provider twice", p.repeated))
	}
	if p.leaked > 0 {
		faults = append(faults, fmt.Sprintf("%d requests reached the provider with Authorization", p.leaked))
	}
	return faults
}

// codes tells how many single-use codes were redeemed.
func (p *provider) codes() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.redeemed
}
