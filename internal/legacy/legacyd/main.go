// Legacyd runs the legacy provider for end-to-end tests. It prints its address to standard
// output, and a line of JSON to standard error for every request to the token and the
// revocation endpoint.
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
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"oauthgw/internal/legacy"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "legacyd:", err)
		os.Exit(1)
	}
}

// run serves until the context is done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("legacyd", flag.ContinueOnError)
	flags.SetOutput(stderr)
	listen := flags.String("listen", "127.0.0.1:0", "`address` to listen on")
	publicURL := flags.String("public-url", "", "`origin` in the metadata (default: the address)")
	resourceURL := flags.String("resource-url", "", "`URL` of the protected resource at /mcp (default: a built-in one)")
	lifetime := flags.Duration("token-lifetime", 0, "lifetime of access tokens (default: 24h)")
	clientsFile := flags.String("clients", "", "JSON `file` with clients")
	registration := flags.Bool("registration", true, "register clients")
	if err := flags.Parse(args); err != nil {
		return err
	}
	clients, err := readClients(*clientsFile)
	if err != nil {
		return err
	}
	resource, err := protectedResource(*resourceURL)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	address := "http://" + listener.Addr().String()
	if *publicURL == "" {
		*publicURL = address
	}
	server := &http.Server{
		Handler: legacy.New(legacy.Config{
			PublicURL:      *publicURL,
			Resource:       resource,
			Observe:        printer(stderr),
			TokenLifetime:  *lifetime,
			Clients:        clients,
			NoRegistration: !*registration,
		}),
		ReadHeaderTimeout: 10 * time.Second,
	}
	fmt.Fprintln(stdout, "listening on", address)
	return serve(ctx, server, listener)
}

// serve serves until the context is done. It then closes connections at once, because a
// stream of events never ends.
func serve(ctx context.Context, server *http.Server, listener net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// readClients reads clients from a file, so that secrets are not arguments.
func readClients(file string) ([]legacy.Client, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var clients []legacy.Client
	if err := json.Unmarshal(text, &clients); err != nil {
		return nil, fmt.Errorf("--clients: %w", err)
	}
	return clients, nil
}

// protectedResource returns a proxy to the resource at the URL, or nil for an empty URL.
func protectedResource(rawURL string) (http.Handler, error) {
	if rawURL == "" {
		return nil, nil
	}
	target, err := url.Parse(rawURL)
	if err != nil || target.Host == "" {
		return nil, errors.New("--resource-url: not an absolute http URL")
	}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			out := *target
			out.RawQuery = r.In.URL.RawQuery
			r.Out.URL = &out
			r.Out.Host = ""
			r.Out.Header.Del("Authorization")
		},
		FlushInterval: -1,
	}, nil
}

// printer returns a function that prints observations as lines of JSON.
func printer(w io.Writer) func(legacy.Observation) {
	var mu sync.Mutex
	encoder := json.NewEncoder(w)
	return func(o legacy.Observation) {
		mu.Lock()
		defer mu.Unlock()
		_ = encoder.Encode(o)
	}
}
