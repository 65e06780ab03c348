package wellknown

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"slices"
	"time"

	"oauthgw/metrics"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
)

// IssuerMode tells which issuer the served metadata names.
type IssuerMode string

const (
	// IssuerPreserve leaves the issuer and the endpoints' URLs as they are.
	IssuerPreserve IssuerMode = "preserve"
	// IssuerRewrite moves the issuer, the fronted endpoints and, as far as it can
	// be reached there, the authorization endpoint to the public origin, together.
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
	// Passthrough tells that every other path leads to the provider as well.
	Passthrough bool
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
	locations   []string // of the issuer
	own, others shelf    // at those, and wherever else callers look
	fetches     singleflight.Group
	outside     outside // bounds the fetches for others

	life context.Context // of fetches, which belong to no single request
	end  context.CancelFunc
}

// NewSource returns an empty source, to be closed. The error says that Entries
// is not positive.
func NewSource(c SourceConfig) (*Source, error) {
	locations := Locations(c.Expected)
	for i, location := range locations {
		locations[i] = path.Clean(location) // as locate spells those that callers ask for
	}
	own, err := newShelf(len(locations))
	if err != nil {
		return nil, err
	}
	others, err := newShelf(c.Entries)
	if err != nil {
		return nil, err
	}
	s := &Source{SourceConfig: c, locations: locations, own: own, others: others, outside: newOutside()}
	s.life, s.end = context.WithCancel(context.Background())
	return s, nil
}

// shelf keeps what fetches brought, by location.
type shelf struct {
	documents *lru.Cache[string, entry]
	missing   *lru.Cache[string, absence]
}

func newShelf(size int) (shelf, error) {
	documents, err := lru.New[string, entry](size)
	if err != nil {
		return shelf{}, fmt.Errorf("metadata cache: %w", err)
	}
	missing, err := lru.New[string, absence](size)
	if err != nil {
		return shelf{}, fmt.Errorf("metadata cache: %w", err)
	}
	return shelf{documents, missing}, nil
}

// isOwn reports whether a location is one of the issuer's. Callers choose all
// others.
func (s *Source) isOwn(location string) bool { return slices.Contains(s.locations, location) }

// shelf returns where the document of a location is kept. Documents at other
// locations must not push out the issuer's own: some providers have one for
// every path.
func (s *Source) shelf(location string) shelf {
	if s.isOwn(location) {
		return s.own
	}
	return s.others
}

// Inherit takes over what another source keeps, if this one would read the same
// documents. It is for a source that has asked nobody yet.
func (s *Source) Inherit(from *Source) {
	if *s.Upstream != *from.Upstream || !reflect.DeepEqual(s.Public, from.Public) || s.Expected != from.Expected || !reflect.DeepEqual(s.Patch, from.Patch) {
		return
	}
	for _, shelf := range []struct{ from, to *lru.Cache[string, entry] }{{from.own.documents, s.own.documents}, {from.others.documents, s.others.documents}} {
		for _, location := range shelf.from.Keys() {
			if e, ok := shelf.from.Peek(location); ok {
				e.lifetime = min(e.lifetime, s.TTL)
				shelf.to.Add(location, e)
			}
		}
	}
}

// Close ends the fetches that are under way.
func (s *Source) Close() { s.end() }
