// Interop-servers runs an OAuth 2.0 authorization server made with go-oauth2/oauth2 or
// with ory/fosite, for end-to-end tests. Both are set up as their documents
// say for client_secret_post, and then know nothing else: they refuse HTTP
// Basic at the token endpoint.
//
// It serves the authorization code grant with PKCE, the refresh token and the
// client credentials grants, registration and its metadata. Its one user agrees
// to everything. Once it listens it prints one line with its address, and to
// standard error one line of JSON for every request at the token endpoint.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// The paths of both servers.
const (
	authorizationPath = "/authorize"
	tokenPath         = "/token"
	registrationPath  = "/register"
)

// server answers at the two endpoints of RFC 6749 section 3, to the clients
// that it was made with and those that were added.
type server interface {
	add(client) error
	authorize(http.ResponseWriter, *http.Request)
	token(http.ResponseWriter, *http.Request)
}

// makers are the libraries that a server can be made with.
var makers = map[string]func([]client) (server, error){
	"go-oauth2": newGoOAuth2,
	"fosite":    newFosite,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "interop-servers:", err)
		os.Exit(1)
	}
}

// run serves until the context is done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("interop-servers", flag.ContinueOnError)
	library := flags.String("library", "", "go-oauth2 or fosite")
	listen := flags.String("listen", "127.0.0.1:0", "`address` to listen on")
	publicURL := flags.String("public-url", "", "`origin` that the metadata names")
	clientsFile := flags.String("clients", "", "JSON `file` with the clients to know from the start (default: none)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	maker := makers[*library]
	if maker == nil {
		return errors.New("--library is neither go-oauth2 nor fosite")
	}
	clients, err := readClients(*clientsFile)
	if err != nil {
		return err
	}
	made, err := maker(clients)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "listening on", "http://"+listener.Addr().String())
	return serve(ctx, listener, routes(made, *publicURL, stderr))
}

func routes(s server, publicURL string, stderr io.Writer) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(authorizationPath, s.authorize)
	mux.HandleFunc("POST "+tokenPath, observed(stderr, s.token))
	mux.Handle("GET /.well-known/oauth-authorization-server", metadata(publicURL))
	r := &registration{server: s, origin: publicURL, known: map[string]registered{}}
	mux.HandleFunc("POST "+registrationPath, r.register)
	mux.HandleFunc("GET "+registrationPath+"/{id}", r.read)
	return inTurns(mux)
}

// inTurns answers one request at a time: the libraries expect that their
// clients do not change under them.
func inTurns(next http.Handler) http.Handler {
	var mu sync.Mutex
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
