package clients_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/assertion"
	"oauthgw/internal/clients"
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
		if err := try(t, table, "a"); !errors.Is(err, assertion.ErrKey) {
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
