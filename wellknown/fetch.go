package wellknown

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"oauthgw/internal/printable"
)

const (
	maxDocument  = 256 << 10       // bytes
	fetchTimeout = 5 * time.Second // of one fetch, with the time it waits for others
)

// Errors of fetches. Only errNoDocument makes clients try the next location.
var (
	errNoDocument    = errors.New("the provider has no metadata document there")
	errNoMetadata    = errors.New("the provider has no metadata; set endpoints") // no document at any location
	errTooMany       = errors.New("too many metadata documents are being fetched")
	errForeignIssuer = errors.New("the provider's metadata names another issuer than upstream.issuer") // RFC 8414 section 3.3
)

// document is the provider's document, corrected by the patch. It is immutable, except
// for the last response with it.
type document struct {
	Metadata
	response        atomic.Pointer[response]
	published       Metadata // without the patch; empty for a resource
	etag            string   // the provider's validator (RFC 9110 section 8.8.3), or empty
	allowsAnyOrigin bool     // by Access-Control-Allow-Origin
}

// fetch requests the document at a location once. It returns the known document again
// if the provider answers that it has not changed.
func (s *Source) fetch(ctx context.Context, location, name string, known entry) (entry, error) {
	resp, err := s.request(ctx, location, known.document)
	if err != nil {
		return entry{}, fmt.Errorf("fetching metadata: %w", sanitizeError(err))
	}
	defer resp.Body.Close()
	e := entry{document: known.document, fetched: time.Now(), lifetime: lifetime(resp.Header, s.config.TTL)}
	if resp.StatusCode == http.StatusNotModified && known.document != nil && known.document.etag != "" {
		if resp.Header["Cache-Control"] == nil { // unchanged (RFC 9111 section 4.3.4)
			e.lifetime = min(known.lifetime, s.config.TTL)
		}
		return e, nil
	}
	if err := checkResponse(resp); err != nil {
		return entry{}, err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	switch {
	case err != nil:
		return entry{}, fmt.Errorf("reading metadata: %w", sanitizeError(err))
	case len(text) > maxDocument:
		return entry{}, errors.New("the metadata document is larger than 256 KiB")
	}
	if e.document, err = s.parseDocument(name, text); err != nil {
		return entry{}, err
	}
	e.document.etag = resp.Header.Get("Etag")
	e.document.allowsAnyOrigin = resp.Header.Get("Access-Control-Allow-Origin") == "*"
	return e, nil
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

func (s *Source) request(ctx context.Context, location string, known *document) (*http.Response, error) {
	req := (&http.Request{
		Method: http.MethodGet,
		URL:    &url.URL{Scheme: s.config.Upstream.Scheme, Host: s.config.Upstream.Host, Path: location},
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
	// An http.Client would follow redirects to other hosts.
	return s.config.Transport.RoundTrip(req)
}

// checkResponse returns an error unless status and header announce a document. Some
// providers answer every path with the HTML of their dashboard.
func checkResponse(resp *http.Response) error {
	refusals := []int{401, 403, 407, 408, 425, 429} // other 4xx mean that there is no document
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	encoding := resp.Header.Get("Content-Encoding")
	switch {
	case resp.StatusCode == http.StatusMisdirectedRequest: // RFC 9110 section 15.5.20
		return errors.New("the provider answered the metadata request with status 421 (Misdirected Request), because it does not serve the host name of the request; " +
			"set upstream.host and, for https, upstream.server_name to the name that it serves")
	case resp.StatusCode >= 500 || resp.StatusCode >= 300 && resp.StatusCode < 400 || slices.Contains(refusals, resp.StatusCode):
		return fmt.Errorf("the provider answered the metadata request with status %d", resp.StatusCode)
	case resp.StatusCode != http.StatusOK || mediaType != "application/json":
		return errNoDocument
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		return errors.New("the provider compressed the metadata document although it was asked not to")
	}
	return nil
}

// parseDocument parses a document found at a well-known name and applies the patch.
func (s *Source) parseDocument(name string, text []byte) (*document, error) {
	if name == resourceLocation {
		resource, err := parse(text, memberResource)
		return &document{Metadata: resource}, err
	}
	published, err := parse(text, memberIssuer)
	md := s.config.Patch.apply(published)
	switch {
	case err != nil:
		return nil, err
	case s.config.Expected != "" && published.Issuer() != s.config.Expected:
		return nil, errForeignIssuer
	case name == openidLocation && len(md.MissingOpenID()) > 0:
		return nil, fmt.Errorf("%w: the document lacks members that OpenID Connect requires", errNoDocument)
	}
	return &document{Metadata: md, published: published}, nil
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
