package wellknown

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"oauthgw/internal/printable"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
)

// negativeTTL is how long a failed fetch is cached, plus a random time of up to half
// as long.
const negativeTTL = 2 * time.Second

// cache holds the documents of some locations and the failures to fetch one, apart:
// requests for missing documents must not evict documents.
type cache struct {
	documents     *lru.Cache[string, entry]
	negativeCache *lru.Cache[string, failure]
}

// entry is a cached document.
type entry struct {
	document *document
	fetched  time.Time
	lifetime time.Duration
}

// failure is a failed fetch.
type failure struct {
	err       error
	at, until time.Time // until the next fetch
}

func newCache(size int) (cache, error) {
	documents, err := lru.New[string, entry](size)
	if err != nil {
		return cache{}, fmt.Errorf("metadata cache: %w", err)
	}
	failures, err := lru.New[string, failure](size)
	return cache{documents, failures}, err
}

func (c cache) copyFrom(from cache, ttl time.Duration) {
	for _, location := range from.documents.Keys() {
		if e, ok := from.documents.Peek(location); ok {
			e.lifetime = min(e.lifetime, ttl)
			c.documents.Add(location, e)
		}
	}
}

// Results of a lookup.
const (
	resultHit         = "hit"
	resultMiss        = "miss"
	resultStale       = "stale"
	resultNotFound    = "not_found"
	resultUnavailable = "unavailable"
)

// get returns the document at a location and the result of the lookup. An expired
// document is fetched again. It is returned within StaleFor if that fails, also if the
// provider has no document any more. If background is set and the document expired
// recently or its last fetch failed, it is returned at once (RFC 5861).
func (s *Source) get(ctx context.Context, location, name string, background bool) (entry, string, error) {
	c := s.cache(location)
	e, ok := c.documents.Get(location)
	age := time.Since(e.fetched)
	if ok && age < e.lifetime {
		return e, resultHit, nil
	}
	usable := ok && age < e.lifetime+s.config.StaleFor
	if usable && background && (age < 2*e.lifetime || c.negativeCache.Contains(location)) {
		_, _ = s.fetchOnce(location, name) // stores the result
		return e, resultStale, nil
	}
	fetched, err := s.wait(ctx, location, name)
	switch {
	case err == nil:
		return fetched, resultMiss, nil
	case usable:
		return e, resultStale, nil
	case errors.Is(err, errNoDocument):
		return entry{}, resultNotFound, err
	}
	return entry{}, resultUnavailable, err
}

// wait fetches a document and waits for it until ctx ends.
func (s *Source) wait(ctx context.Context, location, name string) (entry, error) {
	fetched, err := s.fetchOnce(location, name)
	if err != nil {
		return entry{}, err
	}
	select {
	case r := <-fetched:
		return r.Val.(entry), r.Err
	case <-ctx.Done():
		return entry{}, ctx.Err()
	}
}

// fetchOnce starts a fetch or joins a running one. Its error is a cached failure. A
// fetch serves all its waiters, so it does not end with the request that started it,
// but with its own timeout or the source.
func (s *Source) fetchOnce(location, name string) (<-chan singleflight.Result, error) {
	c := s.cache(location)
	if f, ok := c.negativeCache.Get(location); ok && time.Now().Before(f.until) {
		return nil, f.err
	}
	return s.fetches.DoChan(location, func() (any, error) {
		if !s.isOwn(location) {
			if err := s.limiter.acquire(s.ctx); err != nil {
				return entry{}, err // not cached: nothing was fetched
			}
			defer s.limiter.release()
		}
		known, _ := c.documents.Peek(location)
		e, err := s.fetchRecovered(location, name, known)
		s.store(c, location, e, err)
		return e, err
	}), nil
}

// fetchRecovered fetches and turns a panic, which would end the process, into an error.
func (s *Source) fetchRecovered(location, name string, known entry) (e entry, err error) {
	defer func() {
		if value := recover(); value != nil {
			s.config.Metrics.Panicked()
			kind, functions := printable.Panic(value)
			err = fmt.Errorf("panic while fetching metadata, please report it: %s in %s", kind, functions)
		}
	}()
	return s.fetch(location, name, known)
}

// store caches the result of a fetch.
func (s *Source) store(c cache, location string, e entry, err error) {
	if err != nil {
		now := time.Now()
		// #nosec G404 -- spreads fetches; predicting it gains nothing
		c.negativeCache.Add(location, failure{err, now, now.Add(negativeTTL + rand.N(negativeTTL/2))})
		return
	}
	c.negativeCache.Remove(location)
	c.documents.Add(location, e)
	s.config.Metrics.MetadataFetched()
}
