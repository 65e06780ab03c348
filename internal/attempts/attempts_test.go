package attempts_test

import (
	"net/netip"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/internal/attempts"
)

var (
	usual = attempts.Config{Burst: 3, Interval: 10 * time.Second}
	here  = netip.MustParseAddr("192.0.2.1")
)

func fail(f *attempts.Failures, times int, client string, source netip.Addr) {
	for range times {
		f.Add(client, source)
	}
}

func TestAfterTheBurstOneMoreInEachInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := attempts.New(usual)
		for i := range 3 {
			if wait := f.Wait("app", here); wait != 0 {
				t.Fatalf("after %d failures it has to wait %s", i, wait)
			}
			f.Add("app", here)
		}
		if wait := f.Wait("app", here); wait != 10*time.Second {
			t.Errorf("got %s", wait)
		}
		time.Sleep(4 * time.Second)
		if wait := f.Wait("app", here); wait.Round(time.Millisecond) != 6*time.Second {
			t.Errorf("later got %s", wait)
		}
		time.Sleep(6 * time.Second)
		if wait := f.Wait("app", here); wait != 0 {
			t.Errorf("after the interval got %s", wait)
		}
		f.Add("app", here)
		if wait := f.Wait("app", here); wait.Round(time.Millisecond) != 10*time.Second {
			t.Errorf("after one more failure got %s", wait)
		}
		time.Sleep(time.Minute)
		fail(f, 3, "app", here)
		if wait := f.Wait("app", here); wait.Round(time.Millisecond) != 10*time.Second {
			t.Errorf("after a pause it has the burst again and no more, but got %s", wait)
		}
	})
}

// To ask is not to fail: who succeeds may do so as often as it likes.
func TestOnlyFailuresCount(t *testing.T) {
	f := attempts.New(usual)
	f.Add("app", here)
	for range 1000 {
		if wait := f.Wait("app", here); wait != 0 {
			t.Fatalf("got %s", wait)
		}
	}
}

// Those that were under way before the first one failed were let through, and are
// paid for later.
func TestFailuresAtOnceAllCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := attempts.New(usual)
		fail(f, 100, "app", here)
		if wait := f.Wait("app", here); wait.Round(time.Millisecond) != 98*10*time.Second {
			t.Errorf("got %s", wait)
		}
	})
}

func TestOthersDoNotWait(t *testing.T) {
	for name, test := range map[string]struct {
		failed, asks string // addresses
		client       string
		waits        bool
	}{
		"the same client and address":  {"192.0.2.1", "192.0.2.1", "app", true},
		"the same client elsewhere":    {"192.0.2.1", "192.0.2.2", "app", false},
		"another client":               {"192.0.2.1", "192.0.2.1", "App", false},
		"no client":                    {"192.0.2.1", "192.0.2.1", "", false},
		"the same /64":                 {"2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "app", true},
		"another /64":                  {"2001:db8:0:1::1", "2001:db8:0:2::1", "app", false},
		"the same /64, without a zone": {"fe80::1%eth0", "fe80::2", "app", true},
		"IPv4 within IPv6":             {"192.0.2.1", "::ffff:192.0.2.1", "app", true},
		"another IPv4 within IPv6":     {"::ffff:192.0.2.1", "::ffff:192.0.2.2", "app", false},
	} {
		t.Run(name, func(t *testing.T) {
			f := attempts.New(usual)
			fail(f, 50, "app", netip.MustParseAddr(test.failed))
			if wait := f.Wait(test.client, netip.MustParseAddr(test.asks)); wait > 0 != test.waits {
				t.Errorf("got %s", wait)
			}
		})
	}
	f := attempts.New(usual)
	fail(f, 50, "app", netip.Addr{})
	if wait := f.Wait("app", netip.Addr{}); wait != 0 {
		t.Errorf("no address: got %s", wait)
	}
}

func TestWithoutABurstNobodyWaits(t *testing.T) {
	f := attempts.New(attempts.Config{Interval: time.Second})
	fail(f, 50, "app", here)
	if wait := f.Wait("app", here); f != nil || wait != 0 {
		t.Errorf("got %s", wait)
	}
}

func TestTheSameConfigurationForgetsNothing(t *testing.T) {
	f := attempts.New(usual)
	fail(f, 3, "app", here)
	if f.Under(usual).Wait("app", here) == 0 {
		t.Error("the failures were forgotten")
	}
	for _, other := range []attempts.Config{{}, {Burst: 4, Interval: usual.Interval}, {Burst: 3, Interval: time.Second}} {
		if wait := f.Under(other).Wait("app", here); wait != 0 {
			t.Errorf("%v: got %s", other, wait)
		}
	}
	if none := attempts.New(attempts.Config{}); none.Under(usual) == nil {
		t.Error("from no limit there is no way back to one")
	}
}

// Whoever has very many addresses, or makes up very long names, takes a bounded
// amount of memory; those who failed longest ago are forgotten.
func TestMemoryIsBounded(t *testing.T) {
	f := attempts.New(usual)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	fail(f, 3, "app", here)
	name := strings.Repeat("x", 1000)
	for i := range 70_000 {
		fail(f, 3, name+strconv.Itoa(i), here)
		if i == 60_000 && f.Wait("app", here) == 0 {
			t.Error("it was forgotten before there were as many as are remembered")
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 24<<20 {
		t.Errorf("it takes %d MiB", grown>>20)
	}
	if f.Wait("app", here) != 0 {
		t.Error("the oldest was not forgotten")
	}
	if f.Wait(name+"69999", here) == 0 {
		t.Error("the latest was forgotten")
	}
}

func TestManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := attempts.New(usual)
		for i := range 2000 {
			client := strconv.Itoa(i)
			var running sync.WaitGroup
			begin := make(chan struct{})
			for range 4 {
				running.Go(func() {
					<-begin
					f.Add(client, here)
				})
			}
			synctest.Wait()
			close(begin)
			running.Wait()
			if wait := f.Wait(client, here); wait.Round(time.Millisecond) != (4-2)*10*time.Second {
				t.Fatalf("some were not counted: got %s", wait)
			}
		}
	})
}
