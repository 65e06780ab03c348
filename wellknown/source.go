package wellknown

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"slices"
	"time"

	"oauthgw/internal/origin"
	"oauthgw/internal/printable"
	"oauthgw/metrics"

	"golang.org/x/sync/singleflight"
)

// IssuerMode selects the issuer that the served metadata names.
type IssuerMode string

const (
	// IssuerPreserve leaves the issuer and the endpoints' URLs as they are.
	IssuerPreserve IssuerMode = "preserve"
	// IssuerRewrite moves the issuer, the fronted endpoints and, if Passthrough is set,
	// the authorization endpoint to the public origin.
	IssuerRewrite IssuerMode = "rewrite"
)

// SourceConfig configures a [Source].
type SourceConfig struct {
	Upstream    *url.URL   // the provider's origin
	Public      *url.URL   // the origin that clients use; nil: the issuer's
	Issuer      IssuerMode // empty: IssuerPreserve; IssuerRewrite needs Public
	Passthrough bool       // all other paths lead to the provider as well
	// Expected is the issuer that documents must name. Its path determines their
	// locations. Empty: any issuer, at the root.
	Expected  string
	Patch     Patch
	Transport http.RoundTripper // for the fetches; it must not decompress
	TTL       time.Duration     // the longest lifetime of a document; zero: every request fetches
	StaleFor  time.Duration     // how long after that it is served while fetches fail
	Entries   int               // the most cached locations that clients choose; positive
	Metrics   *metrics.Metrics
}

// Source fetches the provider's metadata documents and caches them. It is safe
// for concurrent use.
type Source struct {
	config      SourceConfig
	locations   []string // of the issuer
	issuerCache cache    // for those locations
	otherCache  cache    // for the locations that clients choose
	fetches     singleflight.Group
	limiter     limiter

	ctx   context.Context // of fetches, which outlive the request that started them
	close context.CancelFunc
}

// NewSource returns an empty source. The caller must close it. It returns an error if
// Entries is not positive.
func NewSource(c SourceConfig) (*Source, error) {
	s := &Source{config: c, locations: Locations(c.Expected), limiter: newLimiter()}
	for i, location := range s.locations {
		s.locations[i] = path.Clean(location) // as parseLocation spells them
	}
	var err error
	if s.otherCache, err = newCache(c.Entries); err != nil {
		return nil, err
	}
	s.issuerCache, err = newCache(len(s.locations))
	s.ctx, s.close = context.WithCancel(context.Background())
	return s, err
}

// Close cancels the running fetches.
func (s *Source) Close() { s.close() }

func (s *Source) isOwn(location string) bool { return slices.Contains(s.locations, location) }

// cache returns the cache for a location. Requests for other locations must not evict
// the issuer's documents, because some providers have a document for every path.
func (s *Source) cache(location string) cache {
	if s.isOwn(location) {
		return s.issuerCache
	}
	return s.otherCache
}

// ShareCache uses the cached documents of another source that reads the same documents.
func (s *Source) ShareCache(other *Source) {
	a, b := s.config, other.config
	if *a.Upstream == *b.Upstream && reflect.DeepEqual(a.Public, b.Public) && a.Expected == b.Expected && reflect.DeepEqual(a.Patch, b.Patch) {
		s.issuerCache.documents, s.otherCache.documents = other.issuerCache.documents, other.otherCache.documents
		s.otherCache.documents.Resize(a.Entries)
	}
}

// get returns the document at a location and the result of the lookup. An expired
// document is fetched again. It is returned within StaleFor if that fails, also if the
// provider has no document any more. If background is set and the document expired
// recently or its last fetch failed, it is returned at once (RFC 5861).
func (s *Source) get(ctx context.Context, location, name string, background bool) (e entry, result string, err error) {
	c := s.cache(location)
	e, ok := c.documents.Get(location)
	e.lifetime = min(e.lifetime, s.config.TTL) // a shared cache may have a longer one
	age := time.Since(e.fetched)
	if ok && age < e.lifetime {
		return e, resultHit, nil
	}
	fetched := s.fetchOnce(location, name)
	usable := ok && age < e.lifetime+s.config.StaleFor
	if usable && background && (age < 2*e.lifetime || c.failures.Contains(location)) {
		return e, resultStale, nil
	}
	select {
	case r := <-fetched:
		if r.Err == nil {
			return r.Val.(entry), resultMiss, nil
		}
		err = r.Err
	case <-ctx.Done():
		err = ctx.Err()
	}
	if usable {
		return e, resultStale, nil
	}
	return entry{}, "", err
}

// fetchOnce starts a fetch, joins a running one, or returns a cached failure. A fetch
// serves all its waiters, so it does not end with the request that started it, but with
// its own timeout or the source.
func (s *Source) fetchOnce(location, name string) <-chan singleflight.Result {
	c := s.cache(location)
	if f, ok := c.failures.Get(location); ok && time.Since(f.at) < negativeTTL {
		cached := make(chan singleflight.Result, 1)
		cached <- singleflight.Result{Err: f.err}
		return cached
	}
	return s.fetches.DoChan(location, func() (any, error) {
		ctx, cancel := context.WithTimeout(s.ctx, fetchTimeout)
		defer cancel()
		if !s.isOwn(location) {
			if err := s.limiter.acquire(ctx); err != nil {
				return nil, err // not cached: nothing was fetched
			}
			defer s.limiter.release()
		}
		return s.fetchAndStore(ctx, c, location, name)
	})
}

// fetchAndStore fetches a document and caches the result. A panic, which would end the
// process, becomes an error.
func (s *Source) fetchAndStore(ctx context.Context, c cache, location, name string) (e entry, err error) {
	defer func() {
		if value := recover(); value != nil {
			s.config.Metrics.Panicked()
			kind, functions := printable.Panic(value)
			err = fmt.Errorf("panic while fetching metadata, please report it: %s in %s", kind, functions)
		}
		if err != nil {
			c.failures.Add(location, failure{err, time.Now()})
			return
		}
		c.failures.Remove(location)
		c.documents.Add(location, e)
		s.config.Metrics.MetadataFetched()
	}()
	known, _ := c.documents.Peek(location)
	return s.fetch(ctx, location, name, known)
}

// URLMap returns how URLs that the provider hands out lead through the gateway: those at
// the issuer's and the upstream's origin are moved to the public one.
func (s *Source) URLMap(issuer string) origin.Map {
	at := origin.Of(issuer)
	return origin.Map{From: []*url.URL{at, s.config.Upstream}, To: cmp.Or(s.config.Public, at)}
}
