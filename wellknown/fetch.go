package wellknown

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"oauthgw/internal/origin"
	"oauthgw/internal/printable"
)

const (
	fetchTimeout = 5 * time.Second // of one fetch, with the time it waits for others
	maxRedirects = 3
)

// Errors of fetches. Only errNoDocument makes clients try the next location.
var (
	errNoDocument = errors.New("the provider has no metadata document there")
	errNoMetadata = errors.New("no metadata can be read; set endpoints if the provider has none")
	errTooMany    = errors.New("too many metadata documents are being fetched")
)

// document is a document of the provider, with the patch. Only its last response may change.
type document struct {
	Metadata
	response        atomic.Pointer[response]
	published       Metadata // as the provider wrote it; empty for a resource, and beside text
	issuer          *url.URL // its origin; nil for a resource
	text            []byte   // what clients get of another issuer's document, of which nothing else is kept; nil: the metadata
	etag            string   // the provider's validator (RFC 9110 section 8.8.3), or empty
	allowsAnyOrigin bool     // by Access-Control-Allow-Origin
}

// fetch requests the document at a location once. It returns the known document again
// if the provider answers that it has not changed.
func (s *Source) fetch(ctx context.Context, location, name string, known entry) (entry, error) {
	r, err := s.reply(ctx, location, known.document)
	if err != nil {
		return entry{}, err
	}
	e := entry{document: known.document, fetched: r.received, lifetime: lifetime(r.Header, s.config.TTL)}
	if r.Status == http.StatusNotModified && known.document != nil && known.document.etag != "" {
		if r.Header["Cache-Control"] == nil { // unchanged (RFC 9111 section 4.3.4)
			e.lifetime = min(known.lifetime, s.config.TTL)
		}
		return e, nil
	}
	if e.document, err = s.parseDocument(location, name, r); err != nil {
		return entry{}, err
	}
	e.document.etag = r.Header.Get("Etag")
	e.document.allowsAnyOrigin = r.Header.Get("Access-Control-Allow-Origin") == "*"
	return e, nil
}

// reply requests a location. It follows redirects to the same location with or without a
// slash at the end: some providers have the document at the other one.
func (s *Source) reply(ctx context.Context, location string, known *document) (r Reply, err error) {
	for at, hops := location, 0; at != "" && hops <= maxRedirects; hops++ {
		if r, err = s.request(ctx, at, known); err != nil {
			return r, err
		}
		at, _, _ = r.Redirect()
	}
	return r, nil
}

// sanitizeError keeps the errors whose text comes from this host. The text of others
// may quote what the provider sent, and certificate errors quote names.
func sanitizeError(err error) error {
	_, network := errors.AsType[net.Error](err)
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	if network || certificate || errors.Is(err, context.Canceled) {
		return errors.New(printable.Text(err.Error()))
	}
	if _, plain := errors.AsType[tls.RecordHeaderError](err); plain {
		return errors.New("the provider does not speak TLS at this port; write http in upstream.url, or name its https port")
	}
	return errors.New("the provider's response is malformed")
}

// request requests a path once. It sends no credentials, and follows no redirects.
func (s *Source) request(ctx context.Context, at string, known *document) (Reply, error) {
	req := (&http.Request{
		Method: http.MethodGet,
		URL:    &url.URL{Scheme: s.config.Upstream.Scheme, Host: s.config.Upstream.Host, Path: at},
		Header: http.Header{"User-Agent": {"oauthgw"}, "Accept": {"application/json"}, "Accept-Encoding": {"identity"}},
		Host:   s.config.Host,
	}).WithContext(ctx)
	// A provider may build the URLs in its metadata from the request.
	if public := s.config.Public; public != nil {
		req.Host = cmp.Or(req.Host, public.Host)
		req.Header.Set("X-Forwarded-Host", public.Host)
		req.Header.Set("X-Forwarded-Proto", public.Scheme)
	}
	if known != nil && known.etag != "" {
		req.Header.Set("If-None-Match", known.etag)
	}
	resp, err := s.config.Transport.RoundTrip(req)
	if err != nil {
		return Reply{}, fmt.Errorf("fetching metadata: %w", sanitizeError(err))
	}
	defer resp.Body.Close()
	r := Reply{Requested: req.URL, Public: s.config.Public, Host: req.Host, Status: resp.StatusCode, Header: resp.Header, received: time.Now()}
	if r.diagnoseStatus() != nil {
		return r, nil
	}
	if r.Body, err = io.ReadAll(io.LimitReader(resp.Body, MaxDocument+1)); err != nil {
		return Reply{}, fmt.Errorf("reading metadata: %w", sanitizeError(err))
	}
	return r, nil
}

// parseDocument reads a document found at a well-known name. Only the issuer's own locations bind
// it to the issuer. Elsewhere clients get another issuer's document as it is.
func (s *Source) parseDocument(location, name string, r Reply) (*document, error) {
	o, text, err := r.Object()
	switch {
	case err != nil:
		return nil, err
	case name == resourceLocation && o.Text(memberResource) == "":
		return nil, unreadable("it names no resource")
	case name == resourceLocation:
		return &document{Metadata: Metadata{o}.withoutEmpty()}, nil
	}
	published, corrected, err := r.Document(s.config.Patch)
	foreign := s.config.Expected != "" && published.Issuer() != s.config.Expected
	switch missing := corrected.MissingOpenID(); {
	case err != nil:
		return nil, err
	case foreign && s.isOwn(location):
		return nil, errForeignIssuer
	case name == openidLocation && len(missing) > 0:
		return nil, absent("the document lacks members that OpenID Connect requires", "add "+strings.Join(missing, ", ")+" at the provider or with metadata.patch")
	case foreign:
		return &document{issuer: origin.Of(published.Issuer()), text: text}, nil
	}
	return &document{Metadata: corrected, published: published, issuer: origin.Of(published.Issuer())}, nil
}

// lifetime returns how long a shared cache may use a response: as its Cache-Control says
// (RFC 9111 section 5.2.2), at most ttl and, unless ttl is shorter, at least negativeTTL,
// which bounds the rate of fetches.
func lifetime(h http.Header, ttl time.Duration) time.Duration {
	directives := map[string]string{}
	for directive := range strings.SplitSeq(strings.Join(h["Cache-Control"], ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		directives[strings.ToLower(name)] = value
	}
	for _, name := range []string{"no-store", "no-cache", "private", "s-maxage", "max-age"} {
		if value, ok := directives[name]; ok {
			// Age is what caches on the way have used up (section 4.2.3).
			return min(ttl, max(seconds(value)-seconds(h.Get("Age")), negativeTTL))
		}
	}
	return ttl
}

// seconds parses a number of seconds. Any other text is 0 (RFC 9111 section 4.2.1).
func seconds(value string) time.Duration {
	n, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}
