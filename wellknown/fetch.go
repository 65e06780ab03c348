package wellknown

import (
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
	"strings"
	"time"

	"oauthgw/internal/jsonobject"
	"oauthgw/internal/printable"
)

const (
	// maxDocument bounds a metadata document, in bytes.
	maxDocument = 256 << 10
	// fetchTimeout bounds one fetch.
	fetchTimeout = 5 * time.Second
)

var (
	// errNoDocument says that the provider has no metadata at a location. To
	// clients it is a 404, which makes them try the next location; every other
	// error makes them give up.
	errNoDocument = errors.New("the provider has no metadata document there")
	// errTooMany means that a fetch outside the issuer's locations was refused.
	errTooMany = errors.New("too many metadata documents are being fetched")
	// errForeignIssuer says that a document is somebody else's (RFC 8414
	// section 3.3).
	errForeignIssuer = errors.New("the provider's metadata names another issuer than upstream.issuer")
)

// document is what the provider published at a location, corrected by the
// patch. It is immutable; fetching it again makes a new one.
type document struct {
	jsonobject.Object
	published Metadata // before the patch; empty for a resource
	etag      string   // the provider's validator (RFC 9110 section 8.8.3); empty: none
	open      bool     // the provider lets pages of every origin read it
}

// fetch gets the document at a location of the provider, once, and follows
// nothing that the answer says. A known document is returned again where the
// provider says that it is still the same.
func (s *Source) fetch(location, name string, known entry) (entry, error) {
	ctx, cancel := context.WithTimeout(s.life, fetchTimeout)
	defer cancel()
	resp, err := s.ask(ctx, location, known.document)
	if err != nil {
		return entry{}, fmt.Errorf("fetching metadata: %w", fault(err))
	}
	defer resp.Body.Close()
	e := entry{document: known.document, fetched: time.Now(), lifetime: lifetime(resp.Header, s.TTL)}
	if resp.StatusCode == http.StatusNotModified && known.document != nil {
		// What it does not say anew stays as it was (RFC 9111 section 4.3.4).
		if resp.Header["Cache-Control"] == nil {
			e.lifetime = known.lifetime
		}
		return e, nil
	}
	if err := checkReply(resp); err != nil {
		return entry{}, err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	switch {
	case err != nil:
		return entry{}, fmt.Errorf("reading metadata: %w", fault(err))
	case len(text) > maxDocument:
		return entry{}, errors.New("the metadata document is larger than 256 KiB")
	}
	e.document, err = s.read(name, text)
	if err != nil {
		return entry{}, err
	}
	e.document.etag = resp.Header.Get("Etag")
	e.document.open = resp.Header.Get("Access-Control-Allow-Origin") == "*"
	return e, nil
}

// fault keeps of an error what this host says of it. The text of any other one
// may hold what the provider sent, even for somebody else on the connection. An
// error about a certificate holds the names in it.
func fault(err error) error {
	var operation *net.OpError
	var certificate *tls.CertificateVerificationError
	var timeout net.Error
	if errors.As(err, &operation) || errors.As(err, &certificate) || errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.Canceled) {
		return printable.Error(err)
	}
	return errors.New("the provider's reply was broken")
}

func (s *Source) ask(ctx context.Context, location string, known *document) (*http.Response, error) {
	target := url.URL{Scheme: s.Upstream.Scheme, Host: s.Upstream.Host, Path: location}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	// A provider that builds its URLs from the request must build those that
	// clients use.
	if s.Public != nil {
		req.Host = s.Public.Host
		req.Header.Set("X-Forwarded-Host", s.Public.Host)
		req.Header.Set("X-Forwarded-Proto", s.Public.Scheme)
	}
	req.Header.Set("User-Agent", "oauthgw")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Encoding", "identity")
	if known != nil && known.etag != "" {
		req.Header.Set("If-None-Match", known.etag)
	}
	// RoundTrip and not a client: a redirect could lead to another host.
	return s.Transport.RoundTrip(req)
}

// notNow are the client error statuses that do not mean that there is no document:
// the provider refuses this request, or refuses it now.
var notNow = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired,
	http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests}

// checkReply decides by status and header whether a reply holds a document.
func checkReply(resp *http.Response) error {
	switch {
	case resp.StatusCode >= 500 || slices.Contains(notNow, resp.StatusCode):
		return fmt.Errorf("the provider answered the metadata request with status %d", resp.StatusCode)
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return fmt.Errorf("the provider answered the metadata request with a redirect (status %d), which is not followed", resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return errNoDocument
	}
	// A dashboard that answers every path with its HTML has no document there.
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if mediaType != "application/json" {
		return errNoDocument
	}
	if e := resp.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return errors.New("the provider compressed the metadata document although it was asked not to")
	}
	return nil
}

// read reads a document for the well-known name under which it was found.
func (s *Source) read(name string, text []byte) (*document, error) {
	if name == resourceLocation {
		return readResource(text)
	}
	md, err := ParseMetadata(text)
	if err != nil {
		return nil, err
	}
	if s.Expected != "" && md.Issuer() != s.Expected {
		return nil, errForeignIssuer
	}
	published := md
	md = s.Patch.apply(md)
	if name == openidLocation && !md.isOpenID() {
		return nil, fmt.Errorf("%w: what is there lacks what OpenID Connect requires", errNoDocument)
	}
	return &document{Object: md.Object, published: published}, nil
}

// readResource reads the metadata of a protected resource (RFC 9728 section 2).
func readResource(text []byte) (*document, error) {
	o, err := jsonobject.Parse(text)
	switch {
	case errors.Is(err, jsonobject.ErrNotObject):
		return nil, fmt.Errorf("%w: %w", errNoDocument, err)
	case err != nil:
		return nil, fmt.Errorf("the resource's metadata cannot be read: %w", err)
	case o.Text(memberResource) == "":
		return nil, errors.New("the resource's metadata names no resource")
	}
	return &document{Object: o}, nil
}
