// Package authlimit limits failed client authentication. RFC 6749 section 2.3.1 requires
// protection against brute force attacks wherever clients authenticate with a password.
//
// Failures are limited per client id and address, so that other addresses of the client are
// not locked out, and per address, so that trying other client ids allows no further guesses.
package authlimit

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"oauthgw/internal/state"
)

// Config sets the limits.
type Config struct {
	Burst        int           `yaml:"burst"`         // failures of a client id at an address before it must wait; 0: no limit
	AddressBurst int           `yaml:"address_burst"` // failures of an address over all client ids; 0: no limit
	Interval     time.Duration `yaml:"interval"`      // after which each budget allows one more failure
}

// Limiter counts failures. A nil Limiter limits nothing. It is safe for concurrent use.
//
// A budget is a token bucket, of which only the debt is kept: each failure adds an interval to it,
// and a client must wait while it exceeds burst-1 intervals.
type Limiter struct {
	config    Config
	name      string // of the configuration: each configuration has budgets of its own
	store     state.Store
	secretKey string
	secrets   *state.Set // hashes of secrets that succeeded and were not rejected since
}

// New returns a Limiter that keeps failures in a store. It returns nil if neither burst is positive.
func New(c Config, s state.Store) *Limiter {
	if c.Burst <= 0 && c.AddressBurst <= 0 {
		return nil
	}
	return &Limiter{config: c, name: fmt.Sprint(c), store: s, secretKey: rand.Text(), secrets: state.NewSet()}
}

// Reconfigure returns l if the configuration is the same, and otherwise a new Limiter, which
// has only the failures that other replicas record by this configuration.
func (l *Limiter) Reconfigure(c Config, s state.Store) *Limiter {
	if l != nil && l.config == c {
		return l
	}
	return New(c, s)
}

// RetryAfter returns how long a client at an address must wait before its next attempt. The
// result is zero for the zero Addr, which many clients share.
func (l *Limiter) RetryAfter(ctx context.Context, clientID string, from netip.Addr) time.Duration {
	if l == nil || !from.IsValid() {
		return 0
	}
	debts := l.store.Debts(ctx, l.clientKey(clientID, from), l.addressKey(from))
	return max(l.wait(debts[0], l.config.Burst), l.wait(debts[1], l.config.AddressBurst))
}

// RetryAfterAddress is RetryAfter for an unknown client id.
func (l *Limiter) RetryAfterAddress(ctx context.Context, from netip.Addr) time.Duration {
	if l == nil || !from.IsValid() {
		return 0
	}
	return l.wait(l.store.Debts(ctx, l.addressKey(from))[0], l.config.AddressBurst)
}

// wait returns how long a client with a debt must wait: at most burst intervals.
func (l *Limiter) wait(debt time.Duration, burst int) time.Duration {
	return min(max(0, debt-l.intervals(burst-1)), l.intervals(burst))
}

func (l *Limiter) intervals(n int) time.Duration {
	const longest = 1 << 61 // 73 years: sums do not overflow
	return time.Duration(n) * min(l.config.Interval, longest/time.Duration(max(1, n)))
}

// RecordFailure records a failed authentication of a client id at an address, unless that is
// the zero Addr. A failure that the client id's budget no longer covers does not count
// against the address, so that one misconfigured client does not lock out the others there.
func (l *Limiter) RecordFailure(ctx context.Context, clientID string, from netip.Addr) {
	if l != nil && from.IsValid() {
		l.spend(ctx, l.budget(l.clientKey(clientID, from), l.config.Burst), l.budget(l.addressKey(from), l.config.AddressBurst))
	}
}

// RecordAddressFailure records a failure at an address with an unknown client id.
func (l *Limiter) RecordAddressFailure(ctx context.Context, from netip.Addr) {
	if l != nil && from.IsValid() {
		l.spend(ctx, l.budget(l.addressKey(from), l.config.AddressBurst))
	}
}

// budget returns a budget with at most 2*burst-1 failures: as many concurrent failures count,
// and no wait exceeds burst intervals.
func (l *Limiter) budget(k state.Key, burst int) state.Budget {
	return state.Budget{Key: k, Cost: l.config.Interval, Limit: l.intervals(2*burst - 2)}
}

// spend spends budgets, but none without a limit.
func (l *Limiter) spend(ctx context.Context, budgets ...state.Budget) {
	l.store.Spend(ctx, slices.DeleteFunc(budgets, func(b state.Budget) bool { return b.Limit < 0 })...)
}

// clientKey returns the key of a client id at an address. A provider may compare ids
// ignoring case, surrounding space and, in UUIDs, punctuation: all such spellings share one
// budget. A collation may also ignore accents, width and invisible characters, and RFC 6749
// appendix A.1 allows ASCII only: all ids with other characters share one budget.
func (l *Limiter) clientKey(clientID string, from netip.Addr) state.Key {
	folded := strings.Map(func(c rune) rune {
		// Converting to upper case first also folds letters such as the long s (ſ) to ASCII.
		c = unicode.ToLower(unicode.ToUpper(c))
		if c <= unicode.MaxASCII && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return -1
		}
		return c
	}, strings.TrimSpace(clientID))
	if strings.ContainsFunc(folded, func(c rune) bool { return c > unicode.MaxASCII }) {
		folded = string(unicode.ReplacementChar)
	}
	return state.NewKey("client", l.name, prefix(from).String(), folded)
}

func (l *Limiter) addressKey(from netip.Addr) state.Key {
	return state.NewKey("address", l.name, prefix(from).String())
}

// prefix returns an IPv4 address as a /32, and the /64 network that an IPv6 client controls.
func prefix(from netip.Addr) netip.Prefix {
	from = from.Unmap()
	p, _ := from.Prefix(min(from.BitLen(), 64)) // fits every address
	return p
}

// secretHash returns a hash of a client id and a secret under a random key, so that hashes of
// likely secrets cannot be prepared. The length separates the two.
func (l *Limiter) secretHash(clientID, secret string) state.Key {
	return state.NewKey(l.secretKey, strconv.Itoa(len(clientID)), clientID, secret)
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
	_, known := l.secrets.Get(l.secretHash(clientID, secret))
	return known
}

// ForgetSecret records that a client was rejected with a secret.
func (l *Limiter) ForgetSecret(clientID, secret string) {
	if l != nil {
		l.secrets.Remove(l.secretHash(clientID, secret))
	}
}
