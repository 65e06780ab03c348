package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The host by which clients know the provider, and the secret of every client.
const (
	publicHost = "login.example.com"
	origin     = "https://" + publicHost
	secret     = "s3cret/+é%41 :&="
)

// provider reads credentials only from the form. It counts how often each code
// arrives, and requests with an Authorization field, which must never arrive.
type provider struct {
	url    string
	server *http.Server
	// before is called first for a token request. Nil: nothing.
	before func(http.ResponseWriter, *http.Request)
	resets bool // stop resets the connections of this start

	mu     sync.Mutex
	seen   map[string]int // how often each code arrived
	leaked int            // requests with Authorization
}

// start starts the provider, also again after stop.
func (p *provider) start(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	p.url = "http://" + l.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", p.serveMetadata)
	mux.HandleFunc("POST /token", p.serveToken)
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "page "+r.FormValue("n")) })
	large := make([]byte, 32<<20) // fits into no buffer
	mux.HandleFunc("GET /large", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(large) })
	mux.HandleFunc("GET /hanging", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("POST /page", servePost)
	resets := p.resets
	connContext := func(ctx context.Context, c net.Conn) context.Context {
		if resets {
			_ = c.(*net.TCPConn).SetLinger(0)
		}
		return ctx
	}
	server := &http.Server{Handler: mux, ConnContext: connContext}
	p.server = server
	go func() { _ = server.Serve(l) }()
	return nil
}

// stop closes the listener and all connections, as the end of a process does.
func (p *provider) stop() { _ = p.server.Close() }

// restart stops the provider for a time.
func (p *provider) restart(ctx context.Context, d time.Duration) error {
	p.stop()
	pause(ctx, d)
	return p.start(p.address())
}

func (p *provider) address() string { return strings.TrimPrefix(p.url, "http://") }

func (p *provider) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	respond(w, http.StatusOK, map[string]any{
		"issuer": origin, "authorization_endpoint": origin + "/page", "token_endpoint": origin + "/token",
		"response_types_supported": []string{"code"}, "code_challenge_methods_supported": []string{"S256"},
	})
}

// servePost responds in two pieces before it reads the request body.
func servePost(w http.ResponseWriter, r *http.Request) {
	c := http.NewResponseController(w)
	_ = c.EnableFullDuplex()
	w.Header().Set("Content-Length", "2")
	_ = c.Flush()
	time.Sleep(time.Millisecond)
	_, _ = io.WriteString(w, "{}")
	_ = c.Flush()
	_, _ = io.Copy(io.Discard, r.Body)
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
		respond(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	p.seen[tokenFor(id, n)]++
	respond(w, http.StatusOK, map[string]any{"access_token": tokenFor(id, n), "token_type": "Bearer"})
}

// tokenFor returns the token for a client's code. It shows the client that the
// response is its own.
func tokenFor(id string, code int64) string { return fmt.Sprintf("%s.%d", id, code) }

func respond(w http.ResponseWriter, status int, members map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(members)
}

// errors returns what arrived and never should.
func (p *provider) errors() (errs []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for code, n := range p.seen {
		if n > 1 {
			errs = append(errs, fmt.Sprintf("the provider received code %s %d times", code, n))
		}
	}
	if p.leaked > 0 {
		errs = append(errs, fmt.Sprintf("the provider received %d requests with Authorization", p.leaked))
	}
	return errs
}

// codes returns how many single-use codes the provider received.
func (p *provider) codes() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.seen)
}
