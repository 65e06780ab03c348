package wellknown

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"oauthgw/internal/printable"

	"golang.org/x/sync/singleflight"
)

// pause is how long a location is left alone, at least, after the provider did
// not bring its document; up to half of it comes on top, by chance.
const pause = 2 * time.Second

// entry is a document as it was fetched.
type entry struct {
	document *document
	fetched  time.Time
	lifetime time.Duration
}

// absence is a fetch that brought none. They are kept apart, so that callers
// who ask for many locations that do not exist cannot push out documents.
type absence struct {
	err   error
	at    time.Time
	until time.Time // when to ask again
}

// How a document was come by.
const (
	resultHit         = "hit"
	resultMiss        = "miss"
	resultStale       = "stale"
	resultNotFound    = "not_found"
	resultUnavailable = "unavailable"
)

// get returns the document at a location, and how it was come by. One that is
// past its lifetime is served once more while it is fetched behind: if that is
// not long ago, or if the provider has just failed, so that nobody waits for
// what is not to be had (RFC 5861).
func (s *Source) get(ctx context.Context, location, name string) (entry, string, error) {
	e, known := s.shelf(location).documents.Get(location)
	age := time.Since(e.fetched)
	if known && age < e.lifetime {
		return e, resultHit, nil
	}
	if known && age < e.lifetime+s.StaleFor {
		_, failing := s.shelf(location).missing.Peek(location)
		if failing || age < 2*e.lifetime {
			_, _ = s.start(location, name) // what it brings is kept
			return e, resultStale, nil
		}
	}
	return s.fresh(ctx, location, name)
}

// fresh returns the document at a location within its lifetime, and waits for
// it. Where it cannot be had the old one is returned within StaleFor, also if
// the provider says meanwhile that there is none: what clients would do without
// it cannot be better.
func (s *Source) fresh(ctx context.Context, location, name string) (entry, string, error) {
	e, known := s.shelf(location).documents.Get(location)
	age := time.Since(e.fetched)
	if known && age < e.lifetime {
		return e, resultHit, nil
	}
	fetched, err := s.wait(ctx, location, name)
	switch {
	case err == nil:
		return fetched, resultMiss, nil
	case known && age < e.lifetime+s.StaleFor:
		return e, resultStale, nil
	case errors.Is(err, errNoDocument):
		return entry{}, resultNotFound, err
	}
	return entry{}, resultUnavailable, err
}

// wait returns what a fetch brings, as long as the caller's context lasts.
func (s *Source) wait(ctx context.Context, location, name string) (entry, error) {
	fetched, err := s.start(location, name)
	if err != nil {
		return entry{}, err
	}
	select {
	case r := <-fetched:
		if r.Err != nil {
			return entry{}, r.Err
		}
		return r.Val.(entry), nil
	case <-ctx.Done():
		return entry{}, ctx.Err()
	}
}

// start begins a fetch, or joins one that is under way. Its error repeats a
// failure that is younger than the pause. A fetch is bound to no caller's context,
// so that it serves the others when the first caller leaves. It ends by its own
// timeout or with the source.
func (s *Source) start(location, name string) (<-chan singleflight.Result, error) {
	if a, ok := s.shelf(location).missing.Get(location); ok && time.Now().Before(a.until) {
		return nil, a.err
	}
	return s.fetches.DoChan(location, func() (any, error) {
		if !s.isOwn(location) {
			if err := s.outside.enter(s.life); err != nil {
				return entry{}, err // the provider was not asked, so this says nothing about it
			}
			defer s.outside.leave()
		}
		known, _ := s.shelf(location).documents.Peek(location)
		e, err := s.surviving(location, name, known)
		s.keep(location, e, err)
		return e, err
	}), nil
}

// surviving fetches, and makes of a panic a fetch that failed: it would belong to no
// request, and so would end the program.
func (s *Source) surviving(location, name string, known entry) (e entry, err error) {
	defer func() {
		if value := recover(); value != nil {
			s.Metrics.Panicked()
			kind, functions := printable.Panic(value)
			err = fmt.Errorf("fetching metadata met an error in this program; please report it: %s in %s", kind, functions)
		}
	}()
	return s.fetch(location, name, known)
}

// keep records what a fetch brought.
func (s *Source) keep(location string, e entry, err error) {
	if err != nil {
		now := time.Now()
		// #nosec G404 -- whoever guesses it knows when the provider is asked
		s.shelf(location).missing.Add(location, absence{err, now, now.Add(pause + rand.N(pause/2))})
		return
	}
	s.shelf(location).missing.Remove(location)
	s.shelf(location).documents.Add(location, e)
	s.Metrics.MetadataFetched()
}
