// Servers runs an OAuth 2.0 authorization server made with go-oauth2/oauth2 or
// with ory/fosite, for end-to-end tests. Both are set up as their documents
// say for client_secret_post, and then know nothing else: they refuse HTTP
// Basic at the token endpoint.
//
// It serves the authorization code grant with PKCE, the refresh token and the
// client credentials grants, and its metadata. Its one user agrees to
// everything. Once it listens it prints one line with its address.
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
	"syscall"
	"time"
)

// The paths of both servers.
const (
	authorizationPath = "/authorize"
	tokenPath         = "/token"
)

// server answers at the two endpoints of RFC 6749 section 3.
type server interface {
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
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "servers:", err)
		os.Exit(1)
	}
}

// run serves until the context is done.
func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("servers", flag.ContinueOnError)
	library := flags.String("library", "", "go-oauth2 or fosite")
	listen := flags.String("listen", "127.0.0.1:0", "`address` to listen on")
	publicURL := flags.String("public-url", "", "`origin` that the metadata names")
	clientsFile := flags.String("clients", "", "JSON `file` with the clients")
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
	return serve(ctx, listener, routes(made, *publicURL))
}

func routes(s server, publicURL string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(authorizationPath, s.authorize)
	mux.HandleFunc("POST "+tokenPath, s.token)
	mux.Handle("GET /.well-known/oauth-authorization-server", metadata(publicURL))
	return mux
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
