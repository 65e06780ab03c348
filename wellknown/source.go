package wellknown

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"slices"
	"time"

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
	// Upstream is the provider's origin.
	Upstream *url.URL
	// Public is the origin that clients use. Nil: the issuer's.
	Public *url.URL
	// Issuer defaults to IssuerPreserve. IssuerRewrite needs Public.
	Issuer IssuerMode
	// Passthrough means that all other paths lead to the provider as well.
	Passthrough bool
	// Expected is the issuer that documents must name. Its path determines their
	// locations. Empty: any issuer, at the root.
	Expected string
	// Patch corrects the documents.
	Patch Patch
	// Transport performs the fetches. It must not decompress.
	Transport http.RoundTripper
	// TTL limits how long a document is fresh. Zero: every request fetches.
	TTL time.Duration
	// StaleFor is how long after that a document is served while fetches fail.
	StaleFor time.Duration
	// Entries limits the number of cached locations. It must be positive.
	Entries int
	// Metrics receive the time of the last fetch.
	Metrics *metrics.Metrics
}

// Source fetches the provider's metadata documents and caches them. It is safe
// for concurrent use.
type Source struct {
	config      SourceConfig
	locations   []string // of the issuer
	issuerCache cache    // for those locations
	otherCache  cache    // for the locations that clients choose
	fetches     singleflight.Group
	limiter     fetchLimiter

	ctx   context.Context // of fetches, which outlive the request that started them
	close context.CancelFunc
}

// NewSource returns an empty source. The caller must close it. It returns an error if
// Entries is not positive.
func NewSource(c SourceConfig) (*Source, error) {
	s := &Source{config: c, locations: Locations(c.Expected), limiter: newFetchLimiter()}
	for i, location := range s.locations {
		s.locations[i] = path.Clean(location) // as parseLocation spells them
	}
	var err error
	if s.issuerCache, err = newCache(len(s.locations)); err != nil {
		return nil, err
	}
	if s.otherCache, err = newCache(c.Entries); err != nil {
		return nil, err
	}
	s.ctx, s.close = context.WithCancel(context.Background())
	return s, nil
}

func (s *Source) isOwn(location string) bool { return slices.Contains(s.locations, location) }

// cache returns the cache for a location. Requests for other locations must not evict
// the issuer's documents, because some providers have a document for every path.
func (s *Source) cache(location string) cache {
	if s.isOwn(location) {
		return s.issuerCache
	}
	return s.otherCache
}

// CopyFrom copies the cached documents of another source that reads the same
// documents.
func (s *Source) CopyFrom(from *Source) {
	a, b := s.config, from.config
	if *a.Upstream != *b.Upstream || !reflect.DeepEqual(a.Public, b.Public) || a.Expected != b.Expected || !reflect.DeepEqual(a.Patch, b.Patch) {
		return
	}
	s.issuerCache.copyFrom(from.issuerCache, a.TTL)
	s.otherCache.copyFrom(from.otherCache, a.TTL)
}

// Close cancels the running fetches.
func (s *Source) Close() { s.close() }
