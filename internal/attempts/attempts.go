// Package attempts remembers who failed to authenticate, and says who has to wait.
//
// Who that is, is a client at a place: its client_id and the address that its
// requests come from, never one of them alone, so that a stranger who fails in a
// client's name makes nobody else wait. RFC 6749 section 2.3.1 demands such a limit
// wherever clients authenticate by a password.
package attempts

import (
	"hash/maphash"
	"net/netip"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// maxRemembered bounds who is remembered; those whose last failure is the longest
// ago are forgotten first. Some 300 octets each make 20 MiB.
const maxRemembered = 1 << 16

// Config says how many failures are let pass.
type Config struct {
	// Burst is how many of a client from one place are, one after another.
	Burst int
	// Interval is how long it takes until one more is.
	Interval time.Duration
}

// Failures are those that are remembered. Nil remembers none. They are safe for
// concurrent use.
type Failures struct {
	config Config
	seed   maphash.Seed
	of     *lru.Cache[who, *rate.Limiter]
}

// who is a client at a place. Both are of one size whatever was sent.
type who struct {
	client uint64 // a hash that nobody outside can aim at
	place  netip.Prefix
}

// New returns a memory of no failures. A burst of zero, or less, returns nil:
// nobody ever has to wait.
func New(c Config) *Failures {
	if c.Burst <= 0 {
		return nil
	}
	of, err := lru.New[who, *rate.Limiter](maxRemembered)
	if err != nil {
		panic(err) // only of a size that is not positive
	}
	return &Failures{config: c, seed: maphash.MakeSeed(), of: of}
}

// Under returns what is remembered under a configuration: the same where that is
// what it was, so that nothing is forgotten, and else a memory of no failures.
func (f *Failures) Under(c Config) *Failures {
	if f != nil && f.config == c {
		return f
	}
	return New(c)
}

// Wait returns how long a client at a source has to wait until it may try again.
// Zero means that it need not, as does everyone at the zero Addr.
func (f *Failures) Wait(clientID string, source netip.Addr) time.Duration {
	if f == nil {
		return 0
	}
	l, known := f.of.Peek(f.who(clientID, source))
	if !known {
		return 0
	}
	missing := 1 - l.TokensAt(time.Now())
	return max(0, time.Duration(missing*float64(f.config.Interval)))
}

// Add remembers that a client failed. Attempts that were under way together all
// count, also beyond the burst: whoever makes many at once waits the longer. Nothing
// is remembered of the zero Addr: where nobody can be told from another, to make one
// wait would lock out all.
func (f *Failures) Add(clientID string, source netip.Addr) {
	if f == nil || !source.IsValid() {
		return
	}
	key := f.who(clientID, source)
	l, known := f.of.Get(key)
	if !known {
		l = rate.NewLimiter(rate.Every(f.config.Interval), f.config.Burst)
		if other, known, _ := f.of.PeekOrAdd(key, l); known {
			l = other // added meanwhile
		}
	}
	l.ReserveN(time.Now(), 1)
}

// who returns the key of a client at a source. Whoever has one IPv6 address mostly
// has its whole /64.
func (f *Failures) who(clientID string, source netip.Addr) who {
	source = source.Unmap()
	place, _ := source.Prefix(min(source.BitLen(), 64)) // fits every address
	return who{maphash.String(f.seed, clientID), place}
}
