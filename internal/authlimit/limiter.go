// Package authlimit limits failed client authentication. RFC 6749 section 2.3.1 requires
// protection against brute force attacks wherever clients authenticate with a password.
//
// Failures are limited per client id and address, so that other addresses of the client are
// not locked out, and per address, so that trying other client ids allows no further guesses.
package authlimit

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"hash/maphash"
	"net/netip"
	"strings"
	"sync"
	"time"
	"unicode"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// Capacities of the two LRU caches.
const (
	maxBudgets = 1 << 16 // about 300 bytes each
	maxSecrets = 1 << 12 // about 200 bytes each
)

// Config sets the limits.
type Config struct {
	Burst        int           `yaml:"burst"`         // failures of a client id at an address before it must wait; 0: no limit
	AddressBurst int           `yaml:"address_burst"` // failures of an address over all client ids; 0: no limit
	Interval     time.Duration `yaml:"interval"`      // after which each budget allows one more failure
}

// Limiter counts failures. A nil Limiter limits nothing. It is safe for concurrent use.
type Limiter struct {
	config    Config
	seed      maphash.Seed
	mu        sync.Mutex // held while spend reads and updates a budget
	budgets   *lru.Cache[key, *rate.Limiter]
	secretKey []byte
	secrets   *lru.Cache[[sha256.Size]byte, struct{}] // hashes of client ids and secrets
}

// key names a budget. Its size does not depend on what a client sends.
type key struct {
	client  uint64 // a hash with a random seed, so that clients cannot cause collisions
	address netip.Prefix
	all     bool // the budget covers all client ids
}

// New returns a Limiter without failures. It returns nil if neither burst is positive.
func New(c Config) *Limiter {
	if c.Burst <= 0 && c.AddressBurst <= 0 {
		return nil
	}
	budgets, _ := lru.New[key, *rate.Limiter](maxBudgets) // fails for sizes below 1 only
	secrets, _ := lru.New[[sha256.Size]byte, struct{}](maxSecrets)
	return &Limiter{config: c, seed: maphash.MakeSeed(), budgets: budgets, secretKey: []byte(rand.Text()), secrets: secrets}
}

// Reconfigure returns l if the configuration is the same, and otherwise a new, empty Limiter.
func (l *Limiter) Reconfigure(c Config) *Limiter {
	if l != nil && l.config == c {
		return l
	}
	return New(c)
}

// RetryAfter returns how long a client at an address must wait before its next attempt. The
// result is zero for the zero Addr, which many clients share.
func (l *Limiter) RetryAfter(clientID string, from netip.Addr) time.Duration {
	if l == nil {
		return 0
	}
	return max(l.retryAfter(l.clientKey(clientID, from), l.config.Burst), l.RetryAfterAddress(from))
}

// RetryAfterAddress is RetryAfter for an unknown client id.
func (l *Limiter) RetryAfterAddress(from netip.Addr) time.Duration {
	if l == nil {
		return 0
	}
	return l.retryAfter(addressKey(from), l.config.AddressBurst)
}

func (l *Limiter) retryAfter(k key, burst int) time.Duration {
	budget, ok := l.budgets.Peek(k)
	if !ok {
		return 0
	}
	missing := min(1-budget.TokensAt(time.Now()), float64(burst))
	return max(0, time.Duration(missing*float64(l.config.Interval)))
}

// RecordFailure records a failed authentication of a client id at an address, unless that is
// the zero Addr. A failure that the client id's budget no longer covers does not count
// against the address, so that one misconfigured client does not lock out the others there.
func (l *Limiter) RecordFailure(clientID string, from netip.Addr) {
	if l != nil && l.spend(l.clientKey(clientID, from), l.config.Burst) {
		l.RecordAddressFailure(from)
	}
}

// RecordAddressFailure records a failure at an address with an unknown client id.
func (l *Limiter) RecordAddressFailure(from netip.Addr) {
	if l != nil {
		l.spend(addressKey(from), l.config.AddressBurst)
	}
}

// spend takes one failure from a budget. It reports false, and takes nothing, at the maximum
// debt. Concurrent failures may put a budget into debt, but no wait exceeds burst intervals.
func (l *Limiter) spend(k key, burst int) bool {
	if burst <= 0 || !k.address.IsValid() {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	budget, ok := l.budgets.Get(k)
	if !ok {
		budget = rate.NewLimiter(rate.Every(l.config.Interval), burst)
		l.budgets.Add(k, budget)
	}
	const rounding = 1e-6 // tokens are floating-point numbers
	if budget.TokensAt(now) < float64(2-burst)-rounding {
		return false
	}
	budget.ReserveN(now, 1)
	return true
}

// clientKey returns the key of a client id at an address. A provider may compare ids
// ignoring case, surrounding space and, in UUIDs, punctuation: all such spellings share one
// budget. A collation may also ignore accents, width and invisible characters, and RFC 6749
// appendix A.1 allows ASCII only: all ids with other characters share one budget.
func (l *Limiter) clientKey(clientID string, from netip.Addr) key {
	// Converting to upper case first also folds letters such as the long s (ſ) to ASCII.
	folded := strings.Map(func(c rune) rune {
		if c <= unicode.MaxASCII && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return -1
		}
		return c
	}, strings.ToLower(strings.ToUpper(strings.TrimSpace(clientID))))
	if strings.ContainsFunc(folded, func(c rune) bool { return c > unicode.MaxASCII }) {
		folded = string(unicode.ReplacementChar)
	}
	return key{client: maphash.String(l.seed, folded), address: prefix(from)}
}

func addressKey(from netip.Addr) key { return key{address: prefix(from), all: true} }

// prefix returns an IPv4 address as a /32, and the /64 network that an IPv6 client controls.
func prefix(from netip.Addr) netip.Prefix {
	from = from.Unmap()
	p, _ := from.Prefix(min(from.BitLen(), 64)) // fits every address
	return p
}

// secretHash returns a hash of a client id and a secret under a random key, so that hashes of
// likely secrets cannot be prepared. The length separates the two.
func (l *Limiter) secretHash(clientID, secret string) [sha256.Size]byte {
	mac := hmac.New(sha256.New, l.secretKey)
	fmt.Fprintf(mac, "%d:%s%s", len(clientID), clientID, secret)
	return [sha256.Size]byte(mac.Sum(nil))
}

// RememberSecret records that a client succeeded with a secret. A later failure with it that
// cannot be read has another cause, such as an expired code, and need not be counted.
func (l *Limiter) RememberSecret(clientID, secret string) {
	if l != nil {
		l.secrets.Add(l.secretHash(clientID, secret), struct{}{})
	}
}

// KnowsSecret reports whether a client succeeded with a secret and was not rejected since.
func (l *Limiter) KnowsSecret(clientID, secret string) bool {
	if l == nil {
		return false
	}
	_, ok := l.secrets.Get(l.secretHash(clientID, secret))
	return ok
}

// ForgetSecret records that a client was rejected with a secret.
func (l *Limiter) ForgetSecret(clientID, secret string) {
	if l != nil {
		l.secrets.Remove(l.secretHash(clientID, secret))
	}
}
