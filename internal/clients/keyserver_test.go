package clients_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/internal/clients"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// keyServer serves keys in the bubble of a test.
type keyServer struct {
	t     *testing.T
	start time.Time
	conns chan net.Conn // to the server; also its listener
	stop  func()        // ends the fetches of the table of the test

	mu      sync.Mutex
	handler http.HandlerFunc // nil: connections are refused
	fetches []time.Duration  // since start
	results []bool           // of attempts
	log     bytes.Buffer
}

func (s *keyServer) Accept() (net.Conn, error) {
	if conn, ok := <-s.conns; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}
func (s *keyServer) Close() error   { return nil }
func (s *keyServer) Addr() net.Addr { return &net.TCPAddr{} }

func (s *keyServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	handler := s.handler
	s.fetches = append(s.fetches, time.Since(s.start))
	s.mu.Unlock()
	handler(w, r)
}

func (s *keyServer) dial() (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handler == nil {
		return nil, errors.New("connection refused")
	}
	client, server := net.Pipe()
	s.conns <- server
	return client, nil
}

func (s *keyServer) serve(handler http.HandlerFunc) {
	s.mu.Lock()
	s.handler = handler
	s.mu.Unlock()
}

func (s *keyServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.fetches)
}

// table returns a table of clients with keys at the server: "remote", "both", which has a key in a file as well, and "second".
func (s *keyServer) table(uri string, roots *x509.CertPool) *clients.Table {
	workload := func(subject string) clients.Issuer {
		return clients.Issuer{IssuerConfig: clients.IssuerConfig{Issuer: cluster, Subject: subject, JWKSURI: uri}, Roots: roots}
	}
	table := clients.New("", []clients.Client{
		{ID: "remote", Issuers: []clients.Issuer{{IssuerConfig: clients.IssuerConfig{JWKSURI: uri}, Roots: roots}}},
		{ID: "both", Issuers: []clients.Issuer{workload("x"), {Keys: keysOf(s.t, "file")}}},
		{ID: "second", Issuers: []clients.Issuer{workload("y")}},
	})
	table.DialKeys(s.dial)
	return table
}

// fetch fetches the keys of a table until the returned function is called.
func (s *keyServer) fetch(table *clients.Table) (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		table.FetchKeys(ctx, slog.New(slog.NewTextHandler(&s.log, nil)), func(ok bool) { s.results = append(s.results, ok) })
	}()
	return func() { cancel(); <-done }
}

// inBubble runs a test with a server of keys. Its table is the one whose keys are fetched.
func inBubble(t *testing.T, handler http.HandlerFunc, test func(t *testing.T, s *keyServer, table *clients.Table)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &keyServer{t: t, start: time.Now(), conns: make(chan net.Conn), handler: handler}
		server := &http.Server{Handler: s}
		go func() { _ = server.Serve(s) }()
		table := s.table("http://127.0.0.1/jwks", nil)
		s.stop = s.fetch(table)
		synctest.Wait()
		test(t, s, table)
		s.stop()
		close(s.conns)
		_ = server.Close()
	})
}

// keys serves the keys with some names.
func keys(names ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(jwksOf(names...))) }
}

// try authenticates "remote" by the key with a name.
func try(t *testing.T, table *clients.Table, key string) error {
	t.Helper()
	_, err := authenticate(t, table, form(sign(key, "remote", "remote")))
	return err
}

// redirect redirects to keys on the same server.
func redirect(w http.ResponseWriter, r *http.Request, status int) {
	if r.URL.Path == "/other" {
		keys("a")(w, r)
		return
	}
	http.Redirect(w, r, "/other", status)
}

// TestCA40TLS fetches over a real connection, with and without the roots of the server.
func TestCA40TLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(keys("a"))
	defer server.Close()
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	for _, test := range []struct {
		roots *x509.CertPool
		want  error
	}{{roots, nil}, {nil, clients.ErrKeysUnavailable}, {x509.NewCertPool(), clients.ErrKeysUnavailable}} {
		table := clients.New("", []clients.Client{{ID: "remote", Issuers: []clients.Issuer{{IssuerConfig: clients.IssuerConfig{JWKSURI: server.URL}, Roots: test.roots}}}})
		fetched, s := make(chan bool, 1), &keyServer{t: t}
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			table.FetchKeys(ctx, slog.New(slog.NewTextHandler(&s.log, nil)), func(ok bool) { fetched <- ok })
		})
		if ok := <-fetched; ok != (test.want == nil) {
			t.Errorf("fetched: %t", ok)
		}
		if err := try(t, table, "a"); !errors.Is(err, test.want) {
			t.Errorf("got %v, want %v", err, test.want)
		}
		cancel()
		all.Wait()
	}
}
