package wellknown

import (
	"context"
	"errors"
	"fmt"
	"time"

	"oauthgw/internal/printable"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
)

const negativeTTL = 2 * time.Second // how long a failed fetch is cached

// cache holds the documents of some locations and the failures to fetch one, apart:
// requests for missing documents must not evict documents.
type cache struct{ documents, failures *lru.Cache[string, entry] }

type entry struct {
	document *document
	err      error
	fetched  time.Time
	lifetime time.Duration // of a document
}

// newCache returns an empty cache of positive size, for which lru.New has no error.
func newCache(size int) cache {
	documents, _ := lru.New[string, entry](size)
	failures, _ := lru.New[string, entry](size)
	return cache{documents, failures}
}

// get returns the document at a location, and hit, miss or stale. It fetches an expired
// document again, and returns the old one within StaleFor if that fails; at once if background
// is set and the document expired recently or its last fetch failed (RFC 5861).
func (s *Source) get(ctx context.Context, location, name string, background bool) (e entry, result string, err error) {
	if location == "" {
		return entry{}, "", errNoDocument
	}
	c := s.cache(location)
	e, ok := c.documents.Get(location)
	e.lifetime = min(e.lifetime, s.config.TTL) // a shared cache may have a longer one
	age := time.Since(e.fetched)
	if ok && age < e.lifetime {
		return e, "hit", nil
	}
	fetched := s.fetchOnce(location, name)
	usable := ok && age < e.lifetime+s.config.StaleFor
	if usable && background && (age < 2*e.lifetime || c.failures.Contains(location)) {
		return e, "stale", nil
	}
	if f, failed := c.failures.Peek(location); failed && background && !usable && s.isOwn(location) {
		if _, known := s.other(location); known {
			return entry{}, "", f.err // without waiting: the location may answer late or never
		}
	}
	select {
	case r := <-fetched:
		if r.Err == nil {
			return r.Val.(entry), "miss", nil
		}
		err = r.Err
	case <-ctx.Done():
		err = ctx.Err()
	}
	if usable {
		return e, "stale", nil
	}
	return entry{}, "", err
}

// find returns the document that clients get at a location, and hit, miss or stale. Where one
// of the issuer's locations has none, it is that of another one, or the error makes clients
// try the next location: clients stop at other errors (RFC 8414 section 3.2).
func (s *Source) find(ctx context.Context, location, name string) (entry, string, error) {
	e, result, err := s.get(ctx, location, name, true)
	if err == nil || errors.Is(err, errNoDocument) && !s.isOwn(location) {
		return e, result, err
	}
	other, ok := s.other(location)
	d, diagnosed := errors.AsType[*Diagnosis](err)
	switch {
	case !ok:
	// With a path, servers differ in where they put it, before or after the name.
	case s.isOwn(location) && len(s.locations) > 2 && (name == serverLocation || len(other.document.MissingOpenID()) == 0):
		return other, "hit", nil
	case diagnosed && (d.refused || s.isOwn(location)):
		err = errNoDocument
	}
	return entry{}, "", err
}

// other returns a cached document of the issuer that may be served, from another location.
func (s *Source) other(location string) (entry, bool) {
	for _, own := range s.locations {
		e, ok := s.issuerCache.documents.Peek(own)
		if ok && own != location && time.Since(e.fetched) < min(e.lifetime, s.config.TTL)+s.config.StaleFor {
			return e, true
		}
	}
	return entry{}, false
}

// fetchOnce starts a fetch, joins a running one, or returns a cached failure. A fetch
// serves all its waiters, so it does not end with the request that started it. Clients
// make up locations that are not the issuer's, so fetches of those are limited.
func (s *Source) fetchOnce(location, name string) <-chan singleflight.Result {
	return s.fetches.DoChan(location, func() (any, error) {
		c := s.cache(location)
		if f, ok := c.failures.Get(location); ok && time.Since(f.fetched) < negativeTTL {
			return nil, f.err
		}
		ctx, cancel := context.WithTimeout(s.ctx, fetchTimeout)
		defer cancel()
		if !s.isOwn(location) {
			if !s.pending.TryAcquire(1) {
				return nil, errTooMany
			}
			defer s.pending.Release(1)
			if s.running.Acquire(ctx, 1) != nil {
				return nil, errTooMany
			}
			defer s.running.Release(1)
		}
		return s.fetchAndStore(ctx, c, location, name)
	})
}

// fetchAndStore fetches a document and caches the result. A panic becomes an error.
func (s *Source) fetchAndStore(ctx context.Context, c cache, location, name string) (e entry, err error) {
	defer func() {
		if value := recover(); value != nil {
			s.config.Metrics.Panicked.Inc()
			kind, functions := printable.Panic(value)
			err = fmt.Errorf("panic while fetching metadata, please report it: %s in %s", kind, functions)
		}
		if err != nil {
			c.failures.Add(location, entry{err: err, fetched: time.Now()})
			return
		}
		c.failures.Remove(location)
		c.documents.Add(location, e)
		s.config.Metrics.MetadataFetched()
	}()
	known, _ := c.documents.Peek(location)
	return s.fetch(ctx, location, name, known)
}
