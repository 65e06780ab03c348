// Interop-servers runs an OAuth 2.0 authorization server made with go-oauth2/oauth2 or
// ory/fosite, for end-to-end tests. Both are configured for client_secret_post as their
// documentation says, and then reject HTTP Basic at the token endpoint. Fosite can instead be
// configured for client_secret_basic, and then rejects secrets in the form.
//
// It serves the authorization code grant with PKCE, the refresh token and the client
// credentials grants, registration and its metadata. Its only user always agrees. It
// prints one line with its address when it listens, and to standard error one line of
// JSON for every request at the token endpoint.
package main

import (
	"context"
	"encoding/json"
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

// server serves the two endpoints of RFC 6749 section 3 for its clients.
type server interface {
	add(client) error
	authorize(http.ResponseWriter, *http.Request)
	token(http.ResponseWriter, *http.Request)
}

// constructors holds the constructor of each library.
var constructors = map[string]func([]client) (server, error){
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

// run serves until ctx is done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("interop-servers", flag.ContinueOnError)
	library := flags.String("library", "", "go-oauth2 or fosite")
	listen := flags.String("listen", "127.0.0.1:0", "`address` to listen on")
	publicURL := flags.String("public-url", "", "`origin` that the metadata names")
	clientsFile := flags.String("clients", "", "JSON `file` with the clients to know from the start (default: none)")
	method := flags.String("client-auth", methodPost, "`method` of these clients, and in the metadata")
	registers := flags.Bool("registration", true, "let clients register")
	if err := flags.Parse(args); err != nil {
		return err
	}
	constructor := constructors[*library]
	if constructor == nil {
		return errors.New("--library is neither go-oauth2 nor fosite")
	}
	clients, err := readClients(*clientsFile, *method)
	if err != nil {
		return err
	}
	made, err := constructor(clients)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "listening on", "http://"+listener.Addr().String())
	document := metadata(*publicURL, *method)
	if *registers {
		document["registration_endpoint"] = *publicURL + registrationPath
	}
	return serve(ctx, listener, routes(made, *publicURL, document, stderr))
}

// routes serves the endpoints that the metadata names.
func routes(s server, publicURL string, metadata map[string]any, stderr io.Writer) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(authorizationPath, s.authorize)
	mux.HandleFunc("POST "+tokenPath, observe(stderr, s.token))
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, metadata)
	})
	if metadata["registration_endpoint"] != nil {
		r := &registration{server: s, origin: publicURL, known: map[string]registered{}}
		mux.HandleFunc("POST "+registrationPath, r.register)
		mux.HandleFunc("GET "+registrationPath+"/{id}", r.read)
	}
	return serialized(mux)
}

// serialized handles one request at a time, because the libraries do not expect their
// clients to change meanwhile.
func serialized(next http.Handler) http.Handler {
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

// observation is a request at the token endpoint without its secrets, in the format of
// legacyd.
type observation struct {
	Path          string   `json:"path"`
	Authorization bool     `json:"authorization"`
	Parameters    []string `json:"parameters"`
}

// observe prints one line of JSON for every request. Requests arrive one at a time.
func observe(w io.Writer, next http.HandlerFunc) http.HandlerFunc {
	encoder := json.NewEncoder(w)
	return func(response http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // the library reports errors
		o := observation{Path: r.URL.Path, Authorization: r.Header.Get("Authorization") != "", Parameters: []string{}}
		for name := range r.Form {
			o.Parameters = append(o.Parameters, name)
		}
		_ = encoder.Encode(o)
		next(response, r)
	}
}

var grantTypes = []string{"authorization_code", "refresh_token", "client_credentials"}

// metadata returns the authorization server's metadata (RFC 8414 section 2), with one method of
// client authentication.
func metadata(origin, method string) map[string]any {
	return map[string]any{
		"issuer":                                origin,
		"authorization_endpoint":                origin + authorizationPath,
		"token_endpoint":                        origin + tokenPath,
		"response_types_supported":              []string{"code"},
		"grant_types_supported":                 grantTypes,
		"code_challenge_methods_supported":      []string{"S256"},
		"token_endpoint_auth_methods_supported": []string{method},
	}
}
