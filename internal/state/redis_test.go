package state_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/internal/authlimit"
	"oauthgw/internal/state"
)

// TestCA22CA26OnceForAllReplicas checks that an id that is used at one replica counts as used at the others, and what
// Redis is sent.
func TestCA22CA26OnceForAllReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeRedis()
		a, b := f.replica(t), f.replica(t)
		id := state.NewKey("https://login.example.com", "app", "jti-one")
		wantUse(t, a, "first", "app", id, 90*time.Second, nil)
		sent := regexp.MustCompile(`^SET oauthgw:jti:[0-9a-f]{64} 1 PX 90000 NX$`)
		if lines := strings.Split(f.received(), "\n"); !sent.MatchString(lines[len(lines)-2]) || strings.Contains(strings.Join(lines, ""), "jti-one") {
			t.Errorf("sent %q", lines)
		}
		wantUse(t, b, "replay", "app", id, 90*time.Second, state.ErrUsed)
		wantUse(t, b, "another id", "app", key(1), -time.Hour, nil)
		time.Sleep(89 * time.Second)
		wantUse(t, b, "until it expires", "app", id, 90*time.Second, state.ErrUsed)
		time.Sleep(time.Second)
		wantUse(t, b, "expired", "app", id, 90*time.Second, nil)
		if n := a.UsedIDs(); n != 0 || len(a.errors)+len(b.errors) > 0 {
			t.Errorf("%d ids are in memory; errors %v %v", n, a.errors, b.errors)
		}
	})
}

// Twenty need more than the connections, so this test has no synthetic time: go-redis keeps timers.
func TestCA22CA26TwentyAtOnceAtTwoReplicas(t *testing.T) {
	f := newFakeRedis()
	if n := useAtOnce(t, key(1), f.replica(t), f.replica(t)); n != 1 {
		t.Errorf("%d passed", n)
	}
}

var (
	healthy = trouble{}
	full    = trouble{reply: "-OOM command not allowed when used memory > 'maxmemory'.\r\n"}
)

var troubles = map[string]trouble{
	"lost":                 {lost: true},
	"down":                 {down: true},
	"slow":                 {delay: 1100 * time.Millisecond},
	"silent":               {reply: silence},
	"full":                 full,
	"without the password": {reply: "-NOAUTH Authentication required.\r\n"},
	"a read-only copy":     {reply: "-READONLY You can't write against a read only replica.\r\n"},
	"another protocol":     {reply: "HTTP/1.1 400 Bad Request\r\n\r\n"},
	"an unknown status":    {reply: "+QUEUED\r\n"},
	"one status for all":   {reply: "+OK\r\n"},
	"nothing for all":      {reply: "$-1\r\n"},
	"a list":               {reply: "*1\r\n$2\r\nOK\r\n"},
	"an empty line":        {reply: "\r\n"},
	"a large map":          {reply: "*1000000000\r\n$1\r\n"},
	"a large text":         {reply: "$200000000000\r\nOK\r\n"},
	"an impossible length": {reply: "$9223372036854775805\r\n"},
	"a long line":          {reply: "+" + strings.Repeat("x", 1<<20) + "\r\n"},
}

// TestCA27CA28UnusableRedis checks that UseOnce fails as unavailable within a second, that
// failures wait 25 ms at most, and that both recover.
func TestCA27CA28UnusableRedis(t *testing.T) {
	budget := state.Budget{Key: key(7), Cost: 10 * time.Second, Limit: time.Hour}
	for name, trouble := range troubles {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFakeRedis()
				r := f.replica(t)
				r.Spend(ctx, budget)
				f.become(trouble)

				wait := since(func() { r.Spend(ctx, budget); r.Debts(ctx, key(7)) })
				if debt := r.Debts(ctx, key(7))[0]; wait > 25*time.Millisecond || debt < 19*time.Second || debt > 20*time.Second {
					t.Errorf("failures waited %s; the debt is %s", wait, debt)
				}
				leaving, leave := context.WithCancel(ctx)
				leave()
				wait = since(func() {
					err := r.UseOnce(leaving, "app", key(1), time.Minute)
					if !errors.Is(err, state.ErrUnavailable) || len(err.Error()) > 300 {
						t.Errorf("got %.400v", err)
					}
				})
				if wait > time.Second || r.errors["assertions"] != 1 || r.errors["failures"] != 1 {
					t.Errorf("UseOnce took %s; errors %v", wait, r.errors)
				}

				f.become(healthy)
				time.Sleep(2 * time.Second) // after the pause, and the one of go-redis after failing to connect
				wantUse(t, r, "recovered", "app", key(2), time.Minute, nil)
				f.received()
				if r.Debts(ctx, key(7)); !strings.Contains(f.received(), "PTTL") {
					t.Error("failures do not use Redis again")
				}
			})
		})
	}
}

// TestCA26SentOnce checks that a command without a reply is not sent again: the second one would find
// the id used.
func TestCA26SentOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeRedis()
		r := f.replica(t)
		wantUse(t, r, "connected", "app", key(2), time.Minute, nil)
		f.become(trouble{cut: true})
		f.received()
		err := r.UseOnce(ctx, "app", key(1), time.Minute)
		if sent := f.received(); !errors.Is(err, state.ErrUnavailable) || strings.Count(sent, "SET oauthgw:jti:") != 1 {
			t.Errorf("%v; sent %s", err, sent)
		}
	})
}

func since(do func()) time.Duration {
	start := time.Now()
	do()
	return time.Since(start)
}

// TestCA28SharedFailures checks that replicas share debts, as one memory would have them.
func TestCA28SharedFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeRedis()
		a, b, memory := f.replica(t), f.replica(t), state.NewMemory()
		client := state.Budget{Key: key(1), Cost: 10 * time.Second, Limit: 30 * time.Second}
		address := state.Budget{Key: key(2), Cost: 10 * time.Second, Limit: 100 * time.Second}
		for i := range 12 {
			for _, s := range []state.Store{[]state.Store{a, b}[i%2], memory} {
				s.Spend(ctx, client, address)
			}
			time.Sleep(time.Duration(i) * time.Second)
			want := memory.Debts(ctx, key(1), key(2), key(3))
			for _, s := range []state.Store{a, b} {
				if got := s.Debts(ctx, key(1), key(2), key(3)); !slices.Equal(got, want) {
					t.Errorf("after %d failures: got %s, want %s", i+1, got, want)
				}
			}
		}
		if a.Spend(ctx); len(a.errors)+len(b.errors) > 0 {
			t.Errorf("errors %v %v", a.errors, b.errors)
		}
	})
}

// TestCA28FailuresAtAnotherReplica checks the limit itself: eleven failures at one replica, then
// the client waits at the other replica, and no other client does.
func TestCA28FailuresAtAnotherReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, limits := newFakeRedis(), authlimit.Config{Burst: 10, AddressBurst: 100, Interval: 6 * time.Second}
		a, b := authlimit.New(limits, f.replica(t)), authlimit.New(limits, f.replica(t))
		here, there := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
		for range 11 {
			a.RecordFailure(ctx, "app", here)
		}
		for _, l := range []*authlimit.Limiter{a, b} {
			if app, other, elsewhere := l.RetryAfter(ctx, "APP", here), l.RetryAfter(ctx, "app2", here), l.RetryAfter(ctx, "app", there); app != 12*time.Second || other+elsewhere > 0 {
				t.Errorf("the client waits %s, another one %s, and at another address %s", app, other, elsewhere)
			}
		}
		if sent := f.received(); strings.Contains(sent, "app") || strings.Contains(sent, "192.0.2") {
			t.Errorf("sent %s", sent)
		}
		time.Sleep(12 * time.Second)
		if wait := b.RetryAfter(ctx, "app", here); wait > 0 {
			t.Errorf("then it waits %s", wait)
		}
	})
}

// TestCA27CA49Watch checks that the state is logged once when it changes, also if Redis is
// down at the start or refuses to write only.
func TestCA27CA49Watch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, log := newFakeRedis(), new(bytes.Buffer)
		f.become(trouble{down: true})
		r := f.replica(t)
		watching, stop := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() { defer close(ended); r.Watch(watching, slog.New(slog.NewTextHandler(log, nil))) }()
		time.Sleep(12 * time.Second)
		f.become(healthy)
		time.Sleep(10 * time.Second)
		f.become(full)
		time.Sleep(10 * time.Second)
		stop()
		<-ended
		if want := []bool{false, false, false, true, true, false, false}; !slices.Equal(r.up, want) {
			t.Errorf("got %v", r.up)
		}
		lines := regexp.MustCompile(`(?m)^time=\S+ `).ReplaceAllString(log.String(), "")
		if want := `level=WARN msg="state unavailable" err="connection refused"
level=INFO msg="state available again"
level=WARN msg="state unavailable" err="OOM command not allowed when used memory > 'maxmemory'."
`; lines != want {
			t.Errorf("got\n%s", lines)
		}
	})
}

// TestConnections checks a Unix socket and TLS, and that a password which changes is used.
func TestConnections(t *testing.T) {
	f, secure := newFakeRedis(), httptest.NewUnstartedServer(nil)
	secure.StartTLS()
	defer secure.Close()
	socket := filepath.Join(t.TempDir(), "redis.sock")
	plain, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	encrypted, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: secure.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	for url, listener := range map[string]net.Listener{"unix://gateway@" + socket: plain, "rediss://gateway@" + encrypted.Addr().String(): encrypted} {
		defer func() { _ = listener.Close() }()
		go func() {
			for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
				go f.serve(conn)
			}
		}()
		var none *fakeRedis
		password := "0ld"
		r := none.replica(t, func(c *state.Config) {
			c.Redis, c.Roots = url, x509.NewCertPool()
			c.Roots.AddCert(secure.Certificate())
			c.Password = func() string { defer func() { password = "n3w" }(); return password }
		})
		wantUse(t, r, url, "app", state.NewKey(url), time.Minute, state.ErrUnavailable)
		wantUse(t, r, url, "app", state.NewKey(url), time.Minute, nil)
		if sent := f.received(); !strings.Contains(sent, "auth gateway n3w") {
			t.Errorf("%s: sent %s", url, sent)
		}
	}
}

// TestCA27CA48Passwords sends the password to servers that repeat it, or that reply nil to every command.
func TestCA27CA48Passwords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, reply := range []string{"-ERR unknown command `AUTH`, with args beginning with: `pa55w", "-ERR wrong: AUTH pa55word", "$-1"} {
			f := newFakeRedis()
			f.become(trouble{reply: reply + "\r\n"})
			r := f.replica(t, func(c *state.Config) { c.Password = func() string { return "pa55word" } })
			if err := r.UseOnce(ctx, "app", key(1), time.Minute); !errors.Is(err, state.ErrUnavailable) || strings.Contains(err.Error(), "pa55") {
				t.Errorf("got %v", err)
			}
		}
	})
}

func TestURLs(t *testing.T) {
	for url, good := range map[string]bool{
		"redis://127.0.0.1:6379": true, "rediss://gateway@redis.example/3": true, "unix:///run/redis.sock?db=1": true,
		"": false, "http://redis.example": false, "redis.example:6379": false, "redis://redis.example/x": false, "redis://:pa55word%zz@redis.example": false,
	} {
		r, err := state.NewRedis(state.Config{Redis: url}, state.NewMemory())
		if good != (err == nil) || err != nil && (!strings.HasPrefix(err.Error(), "state.redis: ") || strings.Contains(err.Error(), "pa55word")) {
			t.Errorf("%s: got %v", url, err)
		}
		if err == nil {
			r.Close()
		}
	}
}
