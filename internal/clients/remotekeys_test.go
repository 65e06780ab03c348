package clients_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/assertion"
	"oauthgw/internal/clients"

	"go.uber.org/goleak"
)

func TestCA40FetchesKeysInTheBackground(t *testing.T) {
	t.Parallel()
	slow := func(w http.ResponseWriter, r *http.Request) { time.Sleep(3 * time.Second); keys("a")(w, r) }
	inBubble(t, slow, func(t *testing.T, s *keyServer, table *clients.Table) {
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				if err := try(t, table, "a"); err != nil || time.Since(s.start) != 3*time.Second {
					t.Errorf("%d: %v after %s", i, err, time.Since(s.start))
				}
			})
		}
		all.Wait()
		if _, err := authenticate(t, table, form(sign("a", cluster, "y"))); err != nil || s.count() != 1 {
			t.Errorf("%d fetches: %v", s.count(), err)
		}
		time.Sleep(5*time.Minute + time.Second) // the next fetch is in flight
		if err := try(t, table, "a"); err != nil || s.count() != 2 || time.Since(s.start) != 304*time.Second {
			t.Errorf("%d fetches, after %s: %v", s.count(), time.Since(s.start), err)
		}
		if err := try(t, table, "b"); !errors.Is(err, assertion.ErrKey) || time.Since(s.start) != 306*time.Second {
			t.Errorf("a key that is not known, after %s: %v", time.Since(s.start), err)
		}
	})
}

func TestCA40MaxAge(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]time.Duration{
		"": 5 * time.Minute, "no-store": 5 * time.Minute, "max-age=0": time.Minute, "max-age=30": time.Minute, "max-age=90": 90 * time.Second, "public, max-age=120": 2 * time.Minute,
		"public,max-age=120": 2 * time.Minute, "MAX-AGE=61": 61 * time.Second, "max-age=601": 10 * time.Minute, "max-age=99999999999999999999": 10 * time.Minute, "s-maxage=120": 5 * time.Minute,
		"max-age=x": 5 * time.Minute, "max-age=-1": 5 * time.Minute, "x-max-age=70": 5 * time.Minute,
	} {
		handler := func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Cache-Control", header); keys("a")(w, r) }
		inBubble(t, handler, func(t *testing.T, s *keyServer, table *clients.Table) {
			time.Sleep(want - time.Second)
			early := s.count()
			time.Sleep(2 * time.Second)
			if early != 1 || s.count() != 2 || s.fetches[1] != want {
				t.Errorf("%q: fetches at %v, want one after %s", header, s.fetches, want)
			}
		})
	}
}

func TestCA40CA42Refused(t *testing.T) {
	t.Parallel()
	padded := func(size int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			text := jwksOf("a")
			_, _ = w.Write([]byte(text + strings.Repeat(" ", size-len(text))))
		}
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(code); keys("a")(w, r) }
	}
	private := `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + b64(keyOf("a")[32:]) + `","d":"` + b64(keyOf("a")[:32]) + `"}]}`
	text := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
	}
	for name, handler := range map[string]http.HandlerFunc{
		"refused": nil, "404": status(404), "500": status(500), "201": status(201), "206": status(206), "larger": padded(256<<10 + 1), "not JSON": text("<html>"), "empty": text(""), "no keys": text(`{"keys":[]}`),
		"private key": text(private), "symmetric key": text(`{"keys":[{"kty":"oct","k":"AAAA"}]}`), "cut off": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "9999")
			keys("a")(w, r)
		},
		"silent": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"slow body": func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte("{"))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
		"long header": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 40<<10))
			keys("a")(w, r)
		},
		"redirect 302": func(w http.ResponseWriter, r *http.Request) { redirect(w, r, http.StatusFound) },
		"redirect 308": func(w http.ResponseWriter, r *http.Request) { redirect(w, r, http.StatusPermanentRedirect) },
	} {
		inBubble(t, handler, func(t *testing.T, s *keyServer, table *clients.Table) {
			err := try(t, table, "a")
			if !errors.Is(err, clients.ErrKeysUnavailable) || time.Since(s.start) > 5*time.Second || s.count() > 1 {
				t.Errorf("%s: %v after %s and %d fetches", name, err, time.Since(s.start), s.count())
			}
			if id, err := authenticate(t, table, form(sign("file", "both", "both"))); id != "both" || err != nil {
				t.Errorf("%s: the client's other entry: %v", name, err)
			}
			if _, err := authenticate(t, table, form(resigned("c", "file", "x", "y"), "client_id", "both")); !errors.Is(err, clients.ErrKeysUnavailable) {
				t.Errorf("%s: some entry of the client: %v", name, err)
			}
			time.Sleep(3 * time.Minute)
			synctest.Wait()
			if n := strings.Count(s.log.String(), "key fetch failed"); n != 1 || len(s.results) < 3 || len(s.results) > 7 {
				t.Errorf("%s: %d log lines and %v", name, n, s.results)
			}
			s.serve(padded(256 << 10))
			time.Sleep(36 * time.Second)
			if err := try(t, table, "a"); err != nil {
				t.Errorf("%s: not recovered: %v", name, err)
			}
		})
	}
}

func TestCA41UnknownKeys(t *testing.T) {
	t.Parallel()
	inBubble(t, keys("a"), func(t *testing.T, s *keyServer, table *clients.Table) {
		for i := range 30 {
			if err := try(t, table, fmt.Sprintf("unknown-%d", i)); !errors.Is(err, assertion.ErrKey) {
				t.Error(err)
			}
			time.Sleep(time.Second)
		}
		if n := s.count(); n > 3 {
			t.Errorf("30 keys that are not known caused %d fetches", n)
		}
		s.serve(keys("b"))
		if err := try(t, table, "b"); err != nil || s.count() != 2 || time.Since(s.start) != 30*time.Second {
			t.Errorf("a new key is not fetched after 30 s: %v, fetches at %v", err, s.fetches)
		}
		if err := try(t, table, "a"); !errors.Is(err, assertion.ErrKey) {
			t.Error("a removed key:", err)
		}
		s.serve(nil)
		time.Sleep(30 * time.Second)
		if err := try(t, table, "a"); !errors.Is(err, clients.ErrKeysUnavailable) {
			t.Error("a key that is not known while no fetch succeeds:", err)
		}
		s.serve(keys("b"))
		time.Sleep(32 * time.Second) // the next attempt is 30 seconds behind the one that failed
		before := s.count()
		time.Sleep(time.Minute)
		if _, err := authenticate(t, table, form(resigned("c", "b", "remote", "remote"))); !errors.Is(err, assertion.ErrSignature) || s.count() != before {
			t.Errorf("a forged signature: %v, fetches at %v", err, s.fetches)
		}
	})
}

func TestCA42KeysServeForADay(t *testing.T) {
	t.Parallel()
	inBubble(t, keys("a"), func(t *testing.T, s *keyServer, table *clients.Table) {
		s.serve(nil)
		time.Sleep(24 * time.Hour)
		if err := try(t, table, "a"); err != nil {
			t.Error("after 24 hours:", err)
		}
		if err := try(t, table, "b"); !errors.Is(err, clients.ErrKeysUnavailable) {
			t.Error("a key that may be new, while fetches fail:", err)
		}
		time.Sleep(time.Second)
		if err := try(t, table, "a"); !errors.Is(err, clients.ErrKeysUnavailable) {
			t.Error("after more than 24 hours:", err)
		}
		if id, err := authenticate(t, table, form(sign("file", "both", "both"))); id != "both" || err != nil {
			t.Error("the client's other entry:", err)
		}
		s.serve(keys("a"))
		time.Sleep(30 * time.Second)
		if err := try(t, table, "a"); err != nil {
			t.Error("not recovered:", err)
		}
		if err := try(t, table, "b"); !errors.Is(err, assertion.ErrKey) {
			t.Error("a key that is not there:", err)
		}
	})
}

func TestCA42WithoutFetching(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, start := &keyServer{t: t}, time.Now()
		if err := try(t, s.table("http://127.0.0.1/jwks", nil), "a"); !errors.Is(err, clients.ErrKeysUnavailable) || time.Since(start) > 0 {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

// TestCA40Reload replaces the table, as a reload does.
func TestCA40Reload(t *testing.T) {
	t.Parallel()
	inBubble(t, keys("a"), func(t *testing.T, s *keyServer, table *clients.Table) {
		same, other, rooted := s.table("http://127.0.0.1/jwks", nil), s.table("http://127.0.0.1/new", nil), s.table("http://127.0.0.1/jwks", x509.NewCertPool())
		for _, next := range []*clients.Table{same, other, rooted} {
			next.Inherit(table)
		}
		s.stop()
		stop := s.fetch(same)
		if err := try(t, same, "a"); err != nil || s.count() != 1 {
			t.Errorf("%d fetches: %v", s.count(), err)
		}
		for _, next := range []*clients.Table{other, rooted} {
			if err := try(t, next, "a"); !errors.Is(err, clients.ErrKeysUnavailable) {
				t.Error("keys of another URL or by other roots:", err)
			}
		}
		stop()
	})
}

func TestCA40RequestEnds(t *testing.T) {
	t.Parallel()
	inBubble(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, func(t *testing.T, s *keyServer, table *clients.Table) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, _ := attempt(clientauth.New(clientauth.Config{}), "", "", form(sign("a", "remote", "remote")))
		if _, err := table.Authenticate(ctx, r); !errors.Is(err, clients.ErrKeysUnavailable) || time.Since(s.start) != time.Second {
			t.Errorf("%v after %s", err, time.Since(s.start))
		}
	})
}

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

// inBubble runs a test with a server of keys, and a table whose keys are fetched from it.
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
