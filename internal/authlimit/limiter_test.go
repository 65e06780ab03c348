package authlimit_test

import (
	"context"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/internal/authlimit"
	"oauthgw/internal/state"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	three = authlimit.Config{Burst: 3, Interval: 10 * time.Second}
	here  = netip.MustParseAddr("192.0.2.1")
)

func fail(l *authlimit.Limiter, times int, client string, from netip.Addr) {
	for range times {
		l.RecordFailure(ctx, client, from)
	}
}

var ctx = context.Background()

// guesses returns how many of the client ids may be tried, each until it has to wait.
func guesses(l *authlimit.Limiter, ids ...string) (n int) {
	for _, id := range ids {
		if l.RetryAfter(ctx, id, here) == 0 {
			l.RecordFailure(ctx, id, here)
			n++
		}
	}
	return n
}

func wantWait(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got.Round(time.Millisecond) != want {
		t.Errorf("%s: got %s, want %s", what, got, want)
	}
}

func TestBurstThenOnePerInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := authlimit.New(three, state.NewMemory())
		for range 3 {
			for range 100 { // asking is not failing
				wantWait(t, "within the burst", l.RetryAfter(ctx, "app", here), 0)
			}
			l.RecordFailure(ctx, "app", here)
		}
		time.Sleep(4 * time.Second)
		wantWait(t, "4s after the burst", l.RetryAfter(ctx, "app", here), 6*time.Second)
		time.Sleep(6 * time.Second)
		wantWait(t, "after the interval", l.RetryAfter(ctx, "app", here), 0)
		l.RecordFailure(ctx, "app", here)
		wantWait(t, "after one more failure", l.RetryAfter(ctx, "app", here), 10*time.Second)
	})
}

// TestA147DebtIsBounded checks that each of many concurrent failures counts, and that no wait
// is longer than burst intervals.
func TestA147DebtIsBounded(t *testing.T) {
	for _, burst := range []int{1, 3, 10} {
		synctest.Test(t, func(t *testing.T) {
			longest := time.Duration(burst) * 10 * time.Second
			for round := range 200 {
				l := authlimit.New(authlimit.Config{Burst: burst, AddressBurst: burst, Interval: 10 * time.Second}, state.NewMemory())
				var failing sync.WaitGroup
				for range 2*burst + round%10 {
					failing.Go(func() { l.RecordFailure(ctx, "app", here); l.RecordAddressFailure(ctx, here) })
				}
				failing.Wait()
				wantWait(t, "client", l.RetryAfter(ctx, "app", here), longest)
				wantWait(t, "address", l.RetryAfterAddress(ctx, here), longest)
			}
		})
	}
}

// TestA145A165EqualClientIDs checks that ids which a provider may hold equal have one budget if
// they are the same in ASCII but for case, space and punctuation. All other ids share another.
func TestA145A165EqualClientIDs(t *testing.T) {
	for budgets, spellings := range map[int][][]string{
		1: {
			{"victim", " VICTIM", "Victim\u00a0\t", "victim ", "VICtim", "v\u0131ctim"},
			// PostgreSQL reads all of these as one UUID.
			{"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc999c0b4ef8bb6d6bb9bd380a11", "{A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11}", "a0ee-bc99-9c0b4ef8bb6d-6bb9bd380a11"},
			// Collations of MySQL ignore accents, width and invisible characters.
			{"v\u00edctim", "vi\u0301ctim", "\uff56ictim", "v\u200bictim", "\u00adVictim", "victim-\u00df"},
		},
		2: {{
			"alice-ss", "ALICE-SS", "al\u0131ce-s\u017f", "alice\u2010ss", // hyphens
			"\uff41lice-ss", "\U0001d41alice-ss", "\u24d0lice-ss", // NFKC
			"\u00e1lice-ss", "a\u0301lice-ss", "alice-ss\u0323", // accents and other marks
			"a\u00adlice-ss", "a\u200blice-ss", "\ufeffalice-ss", "alice-ss\ufe0f", "alice-\u2060ss", // ignorable
			"alice-\u00df", "alice-\u1e9e", "\u0430lice-ss", // expansions, a Cyrillic letter
		}},
	} {
		for _, ids := range spellings {
			l := authlimit.New(authlimit.Config{Burst: 3, AddressBurst: 100, Interval: time.Hour}, state.NewMemory())
			if n := guesses(l, slices.Repeat(ids, 10)...); n != 3*budgets {
				t.Errorf("%q: %d guesses passed", ids, n)
			}
			if n := guesses(l, "victim2", "victi", "a0eebc99", ""); n != 4 {
				t.Errorf("%q: %d other ids need not wait", ids, n)
			}
		}
	}
}

// TestA146A165BudgetOfAnAddress checks that an address has a budget for all ids, also for those
// that a provider holds equal by rules of its own, as MySQL does with 7 and 7x.
func TestA146A165BudgetOfAnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := authlimit.New(authlimit.Config{Burst: 3, AddressBurst: 20, Interval: 10 * time.Second}, state.NewMemory())
		for i := range 1000 {
			if n := guesses(l, "7x"+strconv.Itoa(i)); n == 1 != (i < 20) {
				t.Errorf("guess %d: passed %d times", i, n)
			}
		}
		wantWait(t, "client", l.RetryAfter(ctx, "app", here), 10*time.Second)
		wantWait(t, "unknown client", l.RetryAfterAddress(ctx, here), 10*time.Second)
		wantWait(t, "another address", l.RetryAfter(ctx, "7x0", netip.MustParseAddr("192.0.2.2")), 0)
		time.Sleep(10 * time.Second)
		wantWait(t, "after the interval", l.RetryAfter(ctx, "app", here), 0)
		l.RecordAddressFailure(ctx, here)
		wantWait(t, "after a failure of an unknown client", l.RetryAfter(ctx, "app", here), 10*time.Second)
	})
}

// TestA146OneBadClientDoesNotLockOutOthers checks that a client that never succeeds does not
// use up the budget of its address.
func TestA146OneBadClientDoesNotLockOutOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := authlimit.New(authlimit.Config{Burst: 10, AddressBurst: 100, Interval: 6 * time.Second}, state.NewMemory())
		fail(l, 1000, "bad", here)
		for range 10_000 {
			guesses(l, "bad")
			if wait := l.RetryAfter(ctx, "good", here); wait != 0 {
				t.Fatalf("the other client waits %s", wait)
			}
			time.Sleep(time.Second)
		}
	})
}

func TestWhichClientsWait(t *testing.T) {
	for name, test := range map[string]struct {
		failed, asks, client string
		waits                bool
	}{
		"the same client and address":  {"192.0.2.1", "192.0.2.1", "app", true},
		"the same client elsewhere":    {"192.0.2.1", "192.0.2.2", "app", false},
		"another client":               {"192.0.2.1", "192.0.2.1", "app2", false},
		"no client":                    {"192.0.2.1", "192.0.2.1", "", false},
		"the same /64":                 {"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "app", true},
		"another /64":                  {"2001:db8:0:1::1", "2001:db8:0:2::1", "app", false},
		"the same /64, without a zone": {"fe80::1%eth0", "fe80::2", "app", true},
		"IPv4 within IPv6":             {"192.0.2.1", "::ffff:192.0.2.1", "app", true},
		"another IPv4 within IPv6":     {"::ffff:192.0.2.1", "::ffff:192.0.2.2", "app", false},
	} {
		l := authlimit.New(three, state.NewMemory())
		fail(l, 50, "app", netip.MustParseAddr(test.failed))
		fail(l, 50, "app", netip.Addr{})
		if wait := l.RetryAfter(ctx, test.client, netip.MustParseAddr(test.asks)); wait > 0 != test.waits || l.RetryAfter(ctx, "app", netip.Addr{}) > 0 {
			t.Errorf("%s: got %s", name, wait)
		}
	}
}

// TestMemoryIsBounded checks that many client ids and long ones take a bounded amount of memory.
func TestMemoryIsBounded(t *testing.T) {
	l := authlimit.New(authlimit.Config{Burst: 3, AddressBurst: 100, Interval: time.Hour}, state.NewMemory())
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	there, name := netip.MustParseAddr("192.0.2.2"), strings.Repeat("x", 200)
	fail(l, 3, "app", there)
	for i := range 70_000 {
		l.RecordFailure(ctx, name+strconv.Itoa(i), here)
		if i == 60_000 && l.RetryAfter(ctx, "app", there) == 0 {
			t.Error("a failure was evicted early")
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 24<<20 {
		t.Errorf("it takes %d MiB", grown>>20)
	}
	if l.RetryAfter(ctx, "app", there) != 0 || l.RetryAfterAddress(ctx, here) == 0 {
		t.Error("the oldest failure is still there, or the latest is not")
	}
}

func TestReconfigure(t *testing.T) {
	none := authlimit.New(authlimit.Config{Interval: time.Second}, state.NewMemory())
	if none != nil || none.RetryAfter(ctx, "app", here) != 0 || none.KnowsSecret("app", "s3cret") {
		t.Error("a Limiter without limits is not nil, or limits")
	}
	l := none.Reconfigure(three, state.NewMemory())
	fail(l, 3, "app", here)
	l.RememberSecret("app", "s3cret")
	if same := l.Reconfigure(three, state.NewMemory()); same.RetryAfter(ctx, "app", here) == 0 || !same.KnowsSecret("app", "s3cret") {
		t.Error("the same configuration forgot failures or secrets")
	}
	for _, other := range []authlimit.Config{{}, {Burst: 4, Interval: three.Interval}, {Burst: 3, Interval: time.Second}} {
		if l := l.Reconfigure(other, state.NewMemory()); l.RetryAfter(ctx, "app", here) != 0 || l.KnowsSecret("app", "s3cret") {
			t.Errorf("%v: kept failures or secrets", other)
		}
	}
}

func TestA169KnownSecrets(t *testing.T) {
	l := authlimit.New(three, state.NewMemory())
	l.RememberSecret("app", "s3cret-one")
	if !l.KnowsSecret("app", "s3cret-one") || l.KnowsSecret("app", "s3cret-two") || l.KnowsSecret("apps", "3cret-one") {
		t.Error("a secret is not known, or another one is")
	}
	l.ForgetSecret("app", "s3cret-one")
	if l.KnowsSecret("app", "s3cret-one") {
		t.Error("a rejected secret is known")
	}
	for i := range 1<<12 + 1 {
		l.RememberSecret(strconv.Itoa(i), "s3cret-one")
	}
	if l.KnowsSecret("0", "s3cret-one") || !l.KnowsSecret("1", "s3cret-one") || !l.KnowsSecret("4096", "s3cret-one") {
		t.Error("more or fewer than 4096 secrets are known")
	}
}
