package wellknown

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"oauthgw/metrics"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
)

// pause is how long a location is left alone after the provider did not bring
// its document.
const pause = 2 * time.Second

// Document is a metadata document of the provider. It is immutable; fetching
// it again makes a new one.
type Document struct {
	Metadata Metadata
}

// SourceConfig describes where metadata comes from and how long it is kept.
type SourceConfig struct {
	// Upstream is the provider's origin.
	Upstream *url.URL
	// Public is the origin that clients use. Nil means that it is not
	// configured: the one that the issuer names.
	Public *url.URL
	// Transport performs the fetches. It must not decompress.
	Transport http.RoundTripper
	// TTL is how long a document is served without asking again. Zero means
	// every request asks.
	TTL time.Duration
	// StaleFor is how long beyond that it is served while the provider does not
	// bring a new one.
	StaleFor time.Duration
	// Entries bounds the number of locations kept. Must be positive.
	Entries int
	// Metrics receive the time of the last fetch.
	Metrics *metrics.Metrics
}

// Source fetches the provider's metadata documents and keeps them. It is safe
// for concurrent use.
type Source struct {
	SourceConfig
	kept    *lru.Cache[string, entry]
	missing *lru.Cache[string, absence]
	fetches singleflight.Group
}

// entry is a document that was fetched.
type entry struct {
	document *Document
	fetched  time.Time
}

// absence is a fetch that brought none. They are kept apart, so that callers
// who ask for many locations that do not exist cannot push out documents.
type absence struct {
	err  error
	seen time.Time
}

// NewSource returns an empty source. The error says that Entries is not
// positive.
func NewSource(c SourceConfig) (*Source, error) {
	kept, err := lru.New[string, entry](c.Entries)
	if err != nil {
		return nil, fmt.Errorf("metadata cache: %w", err)
	}
	missing, err := lru.New[string, absence](c.Entries)
	if err != nil {
		return nil, fmt.Errorf("metadata cache: %w", err)
	}
	return &Source{SourceConfig: c, kept: kept, missing: missing}, nil
}

// How a document was come by.
const (
	resultHit         = "hit"
	resultMiss        = "miss"
	resultStale       = "stale"
	resultNotFound    = "not_found"
	resultUnavailable = "unavailable"
)

// get returns the document at a location, fetched or kept, and how it was come
// by. A document that cannot be fetched again is served stale within
// StaleFor, also if the provider says meanwhile that there is none.
func (s *Source) get(ctx context.Context, location string) (*Document, string, error) {
	e, known := s.kept.Get(location)
	age := time.Since(e.fetched)
	if known && age < s.TTL {
		return e.document, resultHit, nil
	}
	document, err := s.fetchShared(ctx, location)
	switch {
	case err == nil:
		return document, resultMiss, nil
	case known && age < s.TTL+s.StaleFor:
		return e.document, resultStale, nil
	case errors.Is(err, errNoDocument):
		return nil, resultNotFound, err
	}
	return nil, resultUnavailable, err
}

// fetchShared fetches a document, or waits for a fetch that is under way, or
// repeats a failure that is younger than the pause. The fetch is bound to
// nobody's context, so that it serves the others when the first caller leaves;
// it ends by its own timeout.
func (s *Source) fetchShared(ctx context.Context, location string) (*Document, error) {
	if a, ok := s.missing.Get(location); ok && time.Since(a.seen) < pause {
		return nil, a.err
	}
	fetched := s.fetches.DoChan(location, func() (any, error) {
		document, err := s.fetch(context.WithoutCancel(ctx), location)
		s.keep(location, document, err)
		return document, err
	})
	select {
	case r := <-fetched:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*Document), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *Source) keep(location string, document *Document, err error) {
	if err != nil {
		s.missing.Add(location, absence{err, time.Now()})
		return
	}
	s.missing.Remove(location)
	s.kept.Add(location, entry{document, time.Now()})
	s.Metrics.MetadataFetched()
}
