package state_test

import (
	"context"
	"encoding/binary"
	"errors"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/internal/state"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

// key returns a key of a number. Not a hash, to be quick.
func key(n int) (k state.Key) {
	binary.BigEndian.PutUint64(k[:], uint64(n)+1)
	return k
}

func wantUse(t *testing.T, s state.Store, what, client string, id state.Key, d time.Duration, want error) {
	t.Helper()
	if err := s.UseOnce(ctx, client, id, d); !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func TestKeysOfPartsDiffer(t *testing.T) {
	if state.NewKey("a", "bc") == state.NewKey("ab", "c") || state.NewKey("a", "") == state.NewKey("a") {
		t.Error("parts run together")
	}
}

func TestCA22OnceUntilItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := state.NewMemory()
		for i, d := range []time.Duration{time.Minute, 90 * time.Second, time.Millisecond, 0} {
			time.Sleep(300 * time.Millisecond)
			wantUse(t, m, "first", "app", key(i), d, nil)
			time.Sleep(d)
			wantUse(t, m, "until it expires", "app", key(i), d, state.ErrUsed)
			time.Sleep(time.Second)
			wantUse(t, m, "expired", "app", key(i), d, nil)
		}
		time.Sleep(time.Hour)
		if n := m.UsedIDs(); n != 0 {
			t.Errorf("%d ids are kept", n)
		}
	})
}

// useAtOnce returns how many of 20 concurrent uses at each store succeed.
func useAtOnce(t *testing.T, id state.Key, stores ...state.Store) int32 {
	t.Helper()
	var all sync.WaitGroup
	var first atomic.Int32
	for range 20 {
		for _, s := range stores {
			all.Go(func() {
				if err := s.UseOnce(ctx, "app", id, time.Minute); err == nil {
					first.Add(1)
				} else if !errors.Is(err, state.ErrUsed) {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	return first.Load()
}

func TestCA22TwentyAtOnceInMemory(t *testing.T) {
	if n := useAtOnce(t, key(1), state.NewMemory()); n != 1 {
		t.Errorf("%d passed", n)
	}
}

// TestCA25MemoryIsBounded checks both limits, that no live id is evicted, that expired ids make
// room, and how much memory an id takes.
func TestCA25MemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perClient, clients = 1 << 16, 4
		m := state.NewMemory()
		before := heap()
		for i := range perClient * clients {
			client := strconv.Itoa(i / perClient)
			wantUse(t, m, "below the limits", client, key(i), time.Minute+time.Duration(i%300)*time.Second, nil)
			if i == perClient-1 {
				wantUse(t, m, "one more of a client", client, key(-1), time.Minute, state.ErrFull)
			}
		}
		if each := (heap() - before) / (perClient * clients); each > 100 {
			t.Errorf("an id takes %d bytes", each)
		}
		wantUse(t, m, "one more of another client", "other", key(-1), time.Minute, state.ErrFull)
		wantUse(t, m, "the oldest one", "0", key(0), time.Minute, state.ErrUsed)
		time.Sleep(time.Minute + time.Second)
		wantUse(t, m, "in the place of an expired one", "other", key(-1), time.Minute, nil)
		wantUse(t, m, "a live one after that", "0", key(299), time.Minute, state.ErrUsed)
		time.Sleep(time.Hour)
		if n := m.UsedIDs(); n != 0 {
			t.Errorf("%d ids are kept", n)
		}
		runtime.KeepAlive(m)
	})
}

func heap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
