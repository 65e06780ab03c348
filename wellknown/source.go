package wellknown

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
	"oauthgw/metrics"

	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"
)

// SourceConfig configures a [Source].
type SourceConfig struct {
	Upstream    *url.URL // the provider's origin
	Host        string   // sent to the provider; empty: that of Public or Upstream
	Public      *url.URL // the origin that clients use; nil: the issuer's
	Rewrite     bool     // move the issuer, fronted endpoints and, with Passthrough, the authorization endpoint to Public
	Passthrough bool     // all other paths lead to the provider as well
	Expected    string   // the issuer that documents must name, and below whose path they are; empty: any, at the root
	Patch       Patch
	// ProviderAuth is how the provider reads client secrets; empty: client_secret_post.
	ProviderAuth clientauth.Method
	Agents       Agents            // clients without a secret of their own
	Resources    []Resource        // whose metadata is served
	Scopes       []string          // that clients ask for only because of repair.requests.scope
	Transport    http.RoundTripper // for the fetches; it must not decompress
	TTL          time.Duration     // the longest lifetime of a document; zero: every request fetches
	StaleFor     time.Duration     // how long after that it is served while fetches fail
	Entries      int               // the most cached locations that clients choose; positive
	Metrics      *metrics.Metrics
}

// Source fetches and caches the provider's metadata. It is safe for concurrent use.
type Source struct {
	config      SourceConfig
	locations   []string // of the issuer
	issuerCache cache    // for those locations
	otherCache  cache    // for the locations that clients choose
	fetches     singleflight.Group
	running     *semaphore.Weighted // limits the fetches for otherCache; each holds a connection
	pending     *semaphore.Weighted // limits them and those that wait; each holds a goroutine

	ctx   context.Context // of fetches, which outlive the request that started them
	close context.CancelFunc
}

// NewSource returns an empty source. The caller must close it.
func NewSource(c SourceConfig) *Source {
	const most = 16 // fetches at once
	s := &Source{config: c, locations: Locations(c.Expected), otherCache: newCache(c.Entries),
		running: semaphore.NewWeighted(most), pending: semaphore.NewWeighted(most + 256)}
	s.issuerCache = newCache(len(s.locations))
	s.ctx, s.close = context.WithCancel(context.Background())
	return s
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
	if *a.Upstream == *b.Upstream && a.Host == b.Host && reflect.DeepEqual(a.Public, b.Public) && a.Expected == b.Expected && reflect.DeepEqual(a.Patch, b.Patch) {
		s.issuerCache.documents, s.otherCache.documents = other.issuerCache.documents, other.otherCache.documents
		s.otherCache.documents.Resize(a.Entries)
	}
}

// URLMap returns how URLs that the provider hands out lead through the gateway: those at
// the issuer's and the upstream's origin are moved to the public one.
func (s *Source) URLMap(issuer string) origin.Map {
	at := origin.Of(issuer)
	return origin.Map{From: []*url.URL{at, s.config.Upstream}, To: cmp.Or(s.config.Public, at)}
}

// Provider is what the provider's metadata says about the provider.
type Provider struct {
	Issuer    string                           // as the provider wrote it
	Endpoints map[clientauth.Endpoint]*url.URL // those that clients reach through the gateway
	Fetched   time.Time                        // when the provider last sent or confirmed it
}

// Provider returns what the issuer's metadata says. The error names what is missing.
func (s *Source) Provider(ctx context.Context) (Provider, error) {
	e, err := s.metadata(ctx)
	if err != nil {
		return Provider{}, err
	}
	p := Provider{Issuer: e.document.Issuer(), Endpoints: s.endpoints(e.document), Fetched: e.fetched}
	if p.Endpoints[clientauth.Token] == nil {
		return Provider{}, errNoTokenEndpoint
	}
	return p, nil
}

// endpoints returns the endpoints that clients reach through the gateway. It leaves out those
// with a query that two servers could read differently.
func (s *Source) endpoints(d *document) map[clientauth.Endpoint]*url.URL {
	m, found := s.urlMap(d.Issuer()), map[clientauth.Endpoint]*url.URL{}
	m.AnyScheme = true
	for _, name := range clientauth.AllEndpoints() {
		if _, ok := m.Move(d.Text(EndpointMember(name))); ok {
			u := d.Endpoint(name)
			if _, err := clientauth.ParseForm(u.RawQuery); err == nil {
				found[name] = u
			}
		}
	}
	return found
}

func (s *Source) hasToken(d *document) bool { return s.endpoints(d)[clientauth.Token] != nil }

// metadata returns the issuer's metadata from the first location whose document names a token
// endpoint of the gateway, or else from the first location that has a document.
func (s *Source) metadata(ctx context.Context) (entry, error) {
	var failures []error
	var first entry
	absent := true
	for _, path := range s.locations {
		location, name := parseLocation(path)
		e, _, err := s.get(ctx, location, name, false)
		switch d, _ := errors.AsType[*Diagnosis](err); {
		case err == nil && s.hasToken(e.document):
			return e, nil
		case err == nil:
			first = cmp.Or(first, e)
		default:
			absent = absent && d != nil && (d.Absent || d.refused)
			failures = append(failures, fmt.Errorf("%s: %w", location, err))
		}
	}
	switch {
	case first.document != nil:
		return first, nil
	case absent:
		failures = append(failures, errNoMetadata)
	}
	return entry{}, errors.Join(failures...)
}

// TakesNoSecret reports whether the cached metadata of the issuer says that no client of the
// token endpoint has a secret.
func (s *Source) TakesNoSecret() bool {
	e, ok := s.other("")
	return ok && e.document.takesNoSecret(MethodsMember(clientauth.Token))
}

// Registers reports whether the metadata of the issuer names a registration endpoint.
func (s *Source) Registers(ctx context.Context) bool {
	e, err := s.metadata(ctx)
	return err == nil && e.document.Get(EndpointMember(clientauth.Registration)) != nil
}

// Snapshot is the cached state of one location of the issuer's metadata.
type Snapshot struct {
	Location  string    // the path at which clients look
	Published Metadata  // the provider's document; empty: none is cached
	Served    Metadata  // the one that clients get
	Fetched   time.Time // when the provider last sent or confirmed it; zero: none is cached
	Expired   bool      // the document is too old to be served
	Err       error     // why the last fetch brought no document; nil: it did
	Failed    time.Time // when it did not
	Absent    bool      // the provider answered, but has no document there
}

// Known reports whether there is a cached document.
func (s Snapshot) Known() bool { return !s.Fetched.IsZero() }

// Snapshots returns the cached state of the issuer's locations, in the order in which
// clients look, and the problems of the document that [Source.Provider] reads. It fetches nothing.
func (s *Source) Snapshots(issuer string, paths map[clientauth.Endpoint]string) (all []Snapshot, problems []string) {
	var linted *document
	for _, location := range s.locations {
		snapshot := Snapshot{Location: location}
		if e, ok := s.issuerCache.documents.Peek(location); ok {
			snapshot.Published, snapshot.Served, snapshot.Fetched = e.document.published, s.augmented(e.document, issuer, paths), e.fetched
			snapshot.Expired = time.Since(e.fetched) >= e.lifetime+s.config.StaleFor
			if linted == nil || !s.hasToken(linted) && s.hasToken(e.document) {
				linted = e.document
			}
		}
		if f, ok := s.issuerCache.failures.Peek(location); ok {
			_, known := s.other(location)
			_, diagnosed := errors.AsType[*Diagnosis](f.err)
			snapshot.Err, snapshot.Failed, snapshot.Absent = f.err, f.fetched, errors.Is(f.err, errNoDocument) || known && diagnosed
		}
		all = append(all, snapshot)
	}
	if linted != nil {
		problems = s.problems(linted, paths)
	}
	return all, problems
}
