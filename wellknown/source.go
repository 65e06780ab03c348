package wellknown

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"time"

	"oauthgw/metrics"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
)

// pause is how long a location is left alone, at least, after the provider did
// not bring its document; up to half of it comes on top, by chance.
const pause = 2 * time.Second

// IssuerMode tells which issuer the served metadata names.
type IssuerMode string

const (
	// IssuerPreserve leaves the issuer and the endpoints' URLs as they are.
	IssuerPreserve IssuerMode = "preserve"
	// IssuerRewrite moves the issuer and the fronted endpoints to the public
	// origin, together.
	IssuerRewrite IssuerMode = "rewrite"
)

// SourceConfig describes where metadata comes from and how long it is kept.
type SourceConfig struct {
	// Upstream is the provider's origin.
	Upstream *url.URL
	// Public is the origin that clients use. Nil means that it is not
	// configured: the one that the issuer names.
	Public *url.URL
	// Issuer defaults to IssuerPreserve. IssuerRewrite needs Public.
	Issuer IssuerMode
	// Expected is the issuer that documents must name, and whose path tells
	// where they are. Empty means any, at the root.
	Expected string
	// Patch corrects the documents.
	Patch Patch
	// Transport performs the fetches. It must not decompress.
	Transport http.RoundTripper
	// TTL is how long a document is served without asking again, unless its
	// Cache-Control allows less. Zero means every request asks.
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
	locations []string                  // of the issuer
	own       *lru.Cache[string, entry] // at those
	others    *lru.Cache[string, entry] // wherever else callers look
	missing   *lru.Cache[string, absence]
	fetches   singleflight.Group

	life context.Context // of fetches, which belong to no single request
	end  context.CancelFunc
}

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
	until time.Time // when to ask again
}

// NewSource returns an empty source, to be closed. The error says that Entries
// is not positive.
func NewSource(c SourceConfig) (*Source, error) {
	locations := Locations(c.Expected)
	own, err := lru.New[string, entry](len(locations))
	if err != nil {
		return nil, fmt.Errorf("metadata cache: %w", err)
	}
	others, err := lru.New[string, entry](c.Entries)
	if err != nil {
		return nil, fmt.Errorf("metadata cache: %w", err)
	}
	missing, err := lru.New[string, absence](c.Entries)
	if err != nil {
		return nil, fmt.Errorf("metadata cache: %w", err)
	}
	s := &Source{SourceConfig: c, locations: locations, own: own, others: others, missing: missing}
	s.life, s.end = context.WithCancel(context.Background())
	return s, nil
}

// kept returns where the document of a location is kept. Callers choose what
// stands behind a well-known name, and some providers have a document for
// everything; that must not push out the issuer's own.
func (s *Source) kept(location string) *lru.Cache[string, entry] {
	if slices.Contains(s.locations, location) {
		return s.own
	}
	return s.others
}

// Close ends the fetches that are under way.
func (s *Source) Close() { s.end() }

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
	e, known := s.kept(location).Get(location)
	if age := time.Since(e.fetched); known && age >= e.lifetime && age < e.lifetime+s.StaleFor {
		_, failing := s.missing.Peek(location)
		if failing || age < 2*e.lifetime {
			s.start(location, name)
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
	e, known := s.kept(location).Get(location)
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
// failure that is younger than the pause. A fetch is bound to nobody's context,
// so that it serves the others when the first caller leaves; it ends by its own
// timeout or with the source.
func (s *Source) start(location, name string) (<-chan singleflight.Result, error) {
	if a, ok := s.missing.Get(location); ok && time.Now().Before(a.until) {
		return nil, a.err
	}
	return s.fetches.DoChan(location, func() (any, error) {
		known, _ := s.kept(location).Peek(location)
		e, err := s.fetch(location, name, known)
		s.keep(location, e, err)
		return e, err
	}), nil
}

func (s *Source) keep(location string, e entry, err error) {
	if err != nil {
		s.missing.Add(location, absence{err, time.Now().Add(pause + rand.N(pause/2))})
		return
	}
	s.missing.Remove(location)
	s.kept(location).Add(location, e)
	s.Metrics.MetadataFetched()
}
