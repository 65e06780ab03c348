package authlimit_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/internal/authlimit"
)

var (
	usual = authlimit.Config{Burst: 3, Interval: 10 * time.Second}
	here  = netip.MustParseAddr("192.0.2.1")
)

func fail(f *authlimit.Limiter, times int, client string, source netip.Addr) {
	for range times {
		f.RecordFailure(client, source)
	}
}

func TestAfterTheBurstOneMoreInEachInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := authlimit.New(usual)
		for i := range 3 {
			if wait := f.RetryAfter("app", here); wait != 0 {
				t.Fatalf("after %d failures it has to wait %s", i, wait)
			}
			f.RecordFailure("app", here)
		}
		if wait := f.RetryAfter("app", here); wait != 10*time.Second {
			t.Errorf("got %s", wait)
		}
		time.Sleep(4 * time.Second)
		if wait := f.RetryAfter("app", here); wait.Round(time.Millisecond) != 6*time.Second {
			t.Errorf("later got %s", wait)
		}
		time.Sleep(6 * time.Second)
		if wait := f.RetryAfter("app", here); wait != 0 {
			t.Errorf("after the interval got %s", wait)
		}
		f.RecordFailure("app", here)
		if wait := f.RetryAfter("app", here); wait.Round(time.Millisecond) != 10*time.Second {
			t.Errorf("after one more failure got %s", wait)
		}
		time.Sleep(time.Minute)
		fail(f, 3, "app", here)
		if wait := f.RetryAfter("app", here); wait.Round(time.Millisecond) != 10*time.Second {
			t.Errorf("after a pause it has the burst again and no more, but got %s", wait)
		}
	})
}

// To ask is not to fail: who succeeds may do so as often as it likes.
func TestOnlyFailuresCount(t *testing.T) {
	f := authlimit.New(usual)
	f.RecordFailure("app", here)
	for range 1000 {
		if wait := f.RetryAfter("app", here); wait != 0 {
			t.Fatalf("got %s", wait)
		}
	}
}

// Failures that were in flight before the first one was recorded put the budget
// into debt, but nobody waits longer than burst intervals.
func TestA147DebtIsBounded(t *testing.T) {
	for _, burst := range []int{1, 2, 3, 10} {
		synctest.Test(t, func(t *testing.T) {
			f := authlimit.New(authlimit.Config{Burst: burst, AddressBurst: burst, Interval: 10 * time.Second})
			longest := time.Duration(burst) * 10 * time.Second
			var failing sync.WaitGroup
			for range 512 {
				failing.Go(func() { f.RecordFailure("app", here); f.RecordAddressFailure(here) })
			}
			failing.Wait()
			for what, wait := range map[string]time.Duration{"client": f.RetryAfter("app", here), "address": f.RetryAfterAddress(here)} {
				if wait > longest || wait < longest-10*time.Second {
					t.Errorf("burst %d: the %s waits %s", burst, what, wait)
				}
			}
			time.Sleep(longest)
			if wait := f.RetryAfter("app", here); wait > 0 {
				t.Errorf("burst %d: after %s it still waits %s", burst, longest, wait)
			}
			f.RecordFailure("app", here)
			if wait := f.RetryAfter("app", here); wait.Round(time.Millisecond) != 10*time.Second {
				t.Errorf("burst %d: after one more failure it waits %s", burst, wait)
			}
		})
	}
}

// A provider that looks an id up ignoring case and space takes each of these for
// the same client.
func TestA145SpellingsOfAClientID(t *testing.T) {
	for _, spellings := range [][]string{
		{"victim", " VICTIM", "Victim\u00a0\t", "victim ", "VICtim", "v\u0131ctim"},
		// PostgreSQL reads all of these as one UUID.
		{"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc999c0b4ef8bb6d6bb9bd380a11", "{A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11}", "a0ee-bc99-9c0b4ef8bb6d-6bb9bd380a11"},
		// Collations of MySQL ignore accents, width and characters that are not shown.
		{"v\u00edctim", "vi\u0301ctim", "\uff56ictim", "v\u200bictim", "\u00adVictim", "victim-\u00df"},
	} {
		f := authlimit.New(usual)
		for _, id := range spellings[:3] {
			f.RecordFailure(id, here)
		}
		for _, id := range spellings {
			if f.RetryAfter(id, here) == 0 {
				t.Errorf("%q need not wait", id)
			}
		}
		for _, id := range []string{"victim2", "victi", "a0eebc99", ""} {
			if wait := f.RetryAfter(id, here); wait != 0 {
				t.Errorf("%q waits %s", id, wait)
			}
		}
	}
}

// Collations hold equal what compatibility forms (NFKC), accents, ignorable characters and
// expansions make different. However many such spellings a client tries, it has two
// budgets: that of the ASCII id, and the one that all other ids share.
func TestA165EqualClientIDsHaveTwoBudgets(t *testing.T) {
	spellings := []string{
		"alice-ss", "ALICE-SS", "al\u0131ce-s\u017f", "alice\u2010ss", // hyphens
		"\uff41lice-ss", "\U0001d41alice-ss", "\u24d0lice-ss", // NFKC
		"\u00e1lice-ss", "a\u0301lice-ss", "alice-ss\u0323", // accents and other marks
		"a\u00adlice-ss", "a\u200blice-ss", "\ufeffalice-ss", "alice-ss\ufe0f", "alice-\u2060ss", // ignorable
		"alice-\u00df", "alice-\u1e9e", // expansions
		"\u0430lice-ss", // a Cyrillic letter
	}
	f := authlimit.New(authlimit.Config{Burst: 10, AddressBurst: 100, Interval: time.Hour})
	guesses := 0
	for range 100 {
		for _, id := range spellings {
			if f.RetryAfter(id, here) == 0 {
				f.RecordFailure(id, here)
				guesses++
			}
		}
	}
	if guesses != 20 {
		t.Errorf("%d guesses passed, want those of two budgets", guesses)
	}
}

// What a provider holds equal by rules of its own, as MySQL does with 7 and 7x in a column
// of numbers, is bounded by the budget of the address.
func TestA165AddressBoundsOtherEqualClientIDs(t *testing.T) {
	f := authlimit.New(authlimit.Config{Burst: 10, AddressBurst: 100, Interval: time.Hour})
	guesses := 0
	for i := range 1000 {
		if id := "7x" + strconv.Itoa(i); f.RetryAfter(id, here) == 0 {
			f.RecordFailure(id, here)
			guesses++
		}
	}
	if guesses != 100 {
		t.Errorf("%d guesses passed, want those of the budget of the address", guesses)
	}
}

func TestA146BudgetOfAnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := authlimit.New(authlimit.Config{Burst: 3, AddressBurst: 20, Interval: 10 * time.Second})
		for i := range 19 {
			f.RecordFailure(strconv.Itoa(i), here)
		}
		if wait := f.RetryAfter("app", here); wait != 0 {
			t.Fatalf("below the budget it waits %s", wait)
		}
		f.RecordAddressFailure(here)
		for what, wait := range map[string]time.Duration{"a client": f.RetryAfter("app", here), "no client": f.RetryAfterAddress(here)} {
			if wait.Round(time.Millisecond) != 10*time.Second {
				t.Errorf("%s waits %s", what, wait)
			}
		}
		if wait := f.RetryAfter("0", netip.MustParseAddr("192.0.2.2")); wait != 0 {
			t.Errorf("another address waits %s", wait)
		}
		time.Sleep(10 * time.Second)
		if wait := f.RetryAfter("app", here); wait != 0 {
			t.Errorf("after the interval it waits %s", wait)
		}
	})
}

// A client that never succeeds, however often it tries at once, does not use up
// the budget that it shares with others at its address.
func TestA146OneBadClientLocksNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := authlimit.New(authlimit.Config{Burst: 10, AddressBurst: 100, Interval: 6 * time.Second})
		fail(f, 1000, "bad", here)
		for range 10_000 {
			if f.RetryAfter("bad", here) == 0 {
				f.RecordFailure("bad", here)
			}
			if wait := f.RetryAfter("good", here); wait != 0 {
				t.Fatalf("the other client waits %s", wait)
			}
			time.Sleep(time.Second)
		}
	})
}

func TestBurstsAreIndependent(t *testing.T) {
	f := authlimit.New(authlimit.Config{Burst: 3, Interval: time.Hour})
	for i := range 1000 {
		f.RecordFailure(strconv.Itoa(i), here)
	}
	if wait := f.RetryAfter("app", here) + f.RetryAfterAddress(here); wait != 0 {
		t.Errorf("without a budget the address waits %s", wait)
	}
	f = authlimit.New(authlimit.Config{AddressBurst: 20, Interval: time.Hour})
	fail(f, 19, "app", here)
	if wait := f.RetryAfter("app", here); wait != 0 {
		t.Errorf("without a budget the client waits %s", wait)
	}
	f.RecordFailure("app", here)
	if f.RetryAfter("app", here) == 0 || f.RetryAfter("other", here) == 0 {
		t.Error("the address need not wait")
	}
}

func TestOthersDoNotWait(t *testing.T) {
	for name, test := range map[string]struct {
		failed, asks string // addresses
		client       string
		waits        bool
	}{
		"the same client and address":  {"192.0.2.1", "192.0.2.1", "app", true},
		"the same client elsewhere":    {"192.0.2.1", "192.0.2.2", "app", false},
		"another client":               {"192.0.2.1", "192.0.2.1", "app2", false},
		"another spelling":             {"192.0.2.1", "192.0.2.1", " App", true},
		"no client":                    {"192.0.2.1", "192.0.2.1", "", false},
		"the same /64":                 {"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "app", true},
		"another /64":                  {"2001:db8:0:1::1", "2001:db8:0:2::1", "app", false},
		"the same /64, without a zone": {"fe80::1%eth0", "fe80::2", "app", true},
		"IPv4 within IPv6":             {"192.0.2.1", "::ffff:192.0.2.1", "app", true},
		"another IPv4 within IPv6":     {"::ffff:192.0.2.1", "::ffff:192.0.2.2", "app", false},
	} {
		t.Run(name, func(t *testing.T) {
			f := authlimit.New(usual)
			fail(f, 50, "app", netip.MustParseAddr(test.failed))
			if wait := f.RetryAfter(test.client, netip.MustParseAddr(test.asks)); wait > 0 != test.waits {
				t.Errorf("got %s", wait)
			}
		})
	}
	f := authlimit.New(usual)
	fail(f, 50, "app", netip.Addr{})
	if wait := f.RetryAfter("app", netip.Addr{}); wait != 0 {
		t.Errorf("no address: got %s", wait)
	}
}

func TestWithoutABurstNobodyWaits(t *testing.T) {
	f := authlimit.New(authlimit.Config{Interval: time.Second})
	fail(f, 50, "app", here)
	if wait := f.RetryAfter("app", here); f != nil || wait != 0 {
		t.Errorf("got %s", wait)
	}
}

func TestTheSameConfigurationForgetsNothing(t *testing.T) {
	f := authlimit.New(usual)
	fail(f, 3, "app", here)
	if f.Reconfigure(usual).RetryAfter("app", here) == 0 {
		t.Error("the failures were forgotten")
	}
	for _, other := range []authlimit.Config{{}, {Burst: 4, Interval: usual.Interval}, {Burst: 3, Interval: time.Second}} {
		if wait := f.Reconfigure(other).RetryAfter("app", here); wait != 0 {
			t.Errorf("%v: got %s", other, wait)
		}
	}
	if none := authlimit.New(authlimit.Config{}); none.Reconfigure(usual) == nil {
		t.Error("from no limit there is no way back to one")
	}
}

// Whoever has very many addresses, or makes up very long names, takes a bounded
// amount of memory; those who failed longest ago are forgotten.
func TestMemoryIsBounded(t *testing.T) {
	f := authlimit.New(authlimit.Config{Burst: 3, AddressBurst: 100, Interval: time.Hour})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	there := netip.MustParseAddr("192.0.2.2")
	fail(f, 3, "app", there)
	name := strings.Repeat("x", 1000)
	for i := range 70_000 {
		fail(f, 3, name+strconv.Itoa(i), here)
		if i == 60_000 && f.RetryAfter("app", there) == 0 {
			t.Error("it was forgotten before there were as many as are remembered")
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 24<<20 {
		t.Errorf("it takes %d MiB", grown>>20)
	}
	if f.RetryAfter("app", there) != 0 {
		t.Error("the oldest was not forgotten")
	}
	if f.RetryAfter(name+"69999", here) == 0 || f.RetryAfterAddress(here) == 0 {
		t.Error("the latest was forgotten")
	}
}

func TestManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := authlimit.New(usual)
		for i := range 2000 {
			client := strconv.Itoa(i)
			var running sync.WaitGroup
			begin := make(chan struct{})
			for range 5 {
				running.Go(func() {
					<-begin
					f.RecordFailure(client, here)
				})
			}
			synctest.Wait()
			close(begin)
			running.Wait()
			if wait := f.RetryAfter(client, here); wait.Round(time.Millisecond) != 3*10*time.Second {
				t.Fatalf("some were not counted: got %s", wait)
			}
		}
	})
}

func TestA169KnownSecrets(t *testing.T) {
	config := authlimit.Config{Burst: 2, Interval: time.Hour}
	f, right := authlimit.New(config), "s3cret-one"
	if f.KnowsSecret("app", right) {
		t.Error("a secret is known from the start")
	}
	f.RememberSecret("app", right)
	if !f.Reconfigure(config).KnowsSecret("app", right) || f.Reconfigure(authlimit.Config{Burst: 3}).KnowsSecret("app", right) {
		t.Error("a reload does not keep known secrets as it keeps budgets")
	}
	if authlimit.New(config).KnowsSecret("app", right) || f.KnowsSecret("app", "s3cret-two") {
		t.Error("another secret is known")
	}
	f.ForgetSecret("app", right)
	if f.KnowsSecret("app", right) {
		t.Error("a rejected secret is known")
	}
	var none *authlimit.Limiter
	none.RememberSecret("app", right)
	none.ForgetSecret("app", right)
	if none.KnowsSecret("app", right) {
		t.Error("without limits a secret is known")
	}
}

func TestA169KnownSecretsAreBounded(t *testing.T) {
	f, right := authlimit.New(authlimit.Config{Burst: 2, Interval: time.Hour}), "s3cret-one"
	for i := range 1<<12 + 1 {
		f.RememberSecret(fmt.Sprint(i), right)
	}
	if f.KnowsSecret("0", right) || !f.KnowsSecret("1", right) || !f.KnowsSecret(fmt.Sprint(1<<12), right) {
		t.Error("more or fewer than 4096 secrets are known")
	}
}
