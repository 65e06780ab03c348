// Package authlimit limits failed client authentication, which RFC 6749 section
// 2.3.1 requires wherever clients authenticate by a password.
//
// There are two budgets. One belongs to a client id at an address, so that
// failures in a client's name from one address do not lock the client out
// elsewhere. The other belongs to an address and covers all client ids, so that
// changing the id does not buy further guesses.
//
// A secret with which a client succeeded is known: a failure with it that cannot be read is
// about something else, such as an expired code, and need not be counted.
package authlimit

import (
	"hash/maphash"
	"net/netip"
	"strings"
	"sync"
	"time"
	"unicode"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// maxBudgets bounds the budgets that are kept; the one with the oldest failure is
// forgotten first. At about 300 bytes each they take 20 MiB.
const maxBudgets = 1 << 16

// Config sets the size of the budgets.
type Config struct {
	// Burst is the number of failures that one client id may have at one address
	// before it must wait. Zero means any number.
	Burst int
	// AddressBurst is the number of failures that one address may have over all
	// client ids before it must wait. Zero means any number.
	AddressBurst int
	// Interval is the time after which each budget allows one more failure.
	Interval time.Duration
}

// Limiter keeps the budgets. A nil Failures limits nothing. It is safe for
// concurrent use.
type Limiter struct {
	config  Config
	seed    maphash.Seed
	mu      sync.Mutex // makes Add atomic
	budgets *lru.Cache[key, *rate.Limiter]
	known   known
}

// key names a budget. Its size does not depend on what a client sends.
type key struct {
	client  uint64 // a hash with a random seed, so that collisions cannot be made
	address netip.Prefix
	all     bool // the budget covers all client ids
}

// New returns budgets without failures. It returns nil if neither burst is
// positive.
func New(c Config) *Limiter {
	if c.Burst <= 0 && c.AddressBurst <= 0 {
		return nil
	}
	budgets, err := lru.New[key, *rate.Limiter](maxBudgets)
	if err != nil {
		panic(err) // only if the size is not positive
	}
	return &Limiter{config: c, seed: maphash.MakeSeed(), budgets: budgets, known: newKnown()}
}

// Reconfigure returns the budgets for a configuration: the same ones if it did not
// change, and otherwise budgets without failures. Known secrets go with them.
func (f *Limiter) Reconfigure(c Config) *Limiter {
	if f != nil && f.config == c {
		return f
	}
	return New(c)
}

// RetryAfter returns how long a client at an address must wait before its next attempt.
// It is zero for the zero Addr.
func (f *Limiter) RetryAfter(clientID string, from netip.Addr) time.Duration {
	if f == nil {
		return 0
	}
	return max(f.wait(f.clientKey(clientID, from), f.config.Burst), f.RetryAfterAddress(from))
}

// RetryAfterAddress returns how long an address must wait before its next attempt with
// an unknown client id.
func (f *Limiter) RetryAfterAddress(from netip.Addr) time.Duration {
	if f == nil {
		return 0
	}
	return f.wait(addressKey(from), f.config.AddressBurst)
}

func (f *Limiter) wait(k key, burst int) time.Duration {
	budget, known := f.budgets.Peek(k)
	if !known {
		return 0
	}
	missing := min(1-budget.TokensAt(time.Now()), float64(burst))
	return max(0, time.Duration(missing*float64(f.config.Interval)))
}

// RecordFailure records a failure of a client at an address. The zero Addr stands for many
// clients, so nothing is recorded for it: a wait would lock all of them out.
//
// A failure that the budget of the client id no longer covers does not use up the
// budget of the address: one bad client must not lock out the others there.
func (f *Limiter) RecordFailure(clientID string, from netip.Addr) {
	if f == nil || !from.IsValid() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.spend(f.clientKey(clientID, from), f.config.Burst) {
		f.spend(addressKey(from), f.config.AddressBurst)
	}
}

// RecordAddressFailure records a failure at an address with an unknown client id.
func (f *Limiter) RecordAddressFailure(from netip.Addr) {
	if f == nil || !from.IsValid() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spend(addressKey(from), f.config.AddressBurst)
}

// spend takes one failure from a budget and reports whether the budget covers it.
// Concurrent failures may put a budget into debt. The debt is bounded so that no
// wait is longer than burst intervals.
func (f *Limiter) spend(k key, burst int) bool {
	if burst <= 0 {
		return true
	}
	now := time.Now()
	budget, known := f.budgets.Get(k)
	if !known {
		budget = rate.NewLimiter(rate.Every(f.config.Interval), burst)
		f.budgets.Add(k, budget)
	}
	const rounding = 1e-6
	if budget.TokensAt(now) < float64(2-burst)-rounding {
		return false
	}
	budget.ReserveN(now, 1)
	return true
}

// clientKey returns the key of a client id at an address. Providers compare ids in
// a database that may ignore case, surrounding space and, if ids are UUIDs,
// punctuation. All such spellings of an id share one budget. So do all ids with other
// than ASCII characters: a collation may ignore accents, width and characters that are
// not shown, and RFC 6749 appendix A.1 allows ASCII only. So spellings of one id that
// differ in such characters have two budgets at most: that of its ASCII spelling and the
// shared one. Folding them to ASCII would need the tables of the provider's collation.
// Other ASCII ids that a provider holds equal, such as 7 and 7x where it compares numbers,
// have budgets of their own, and only the budget of the address bounds them.
func (f *Limiter) clientKey(clientID string, from netip.Addr) key {
	// Upper case first also joins letters such as the long s.
	folded := strings.Map(func(c rune) rune {
		if c <= unicode.MaxASCII && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return -1
		}
		return c
	}, strings.ToLower(strings.ToUpper(strings.TrimSpace(clientID))))
	if strings.ContainsFunc(folded, func(c rune) bool { return c > unicode.MaxASCII }) {
		folded = string(unicode.ReplacementChar)
	}
	return key{client: maphash.String(f.seed, folded), address: prefix(from)}
}

func addressKey(from netip.Addr) key { return key{address: prefix(from), all: true} }

// prefix returns the network of an address. A client with one IPv6 address usually
// has the whole /64.
func prefix(from netip.Addr) netip.Prefix {
	from = from.Unmap()
	p, _ := from.Prefix(min(from.BitLen(), 64)) // fits every address
	return p
}
