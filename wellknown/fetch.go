package wellknown

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// maxDocument bounds a metadata document, in bytes.
	maxDocument = 256 << 10
	// fetchTimeout bounds one fetch.
	fetchTimeout = 5 * time.Second
)

// errNoDocument says that the provider has no metadata at a location. To
// clients it is a 404, which makes them try the next location; every other
// error makes them give up.
var errNoDocument = errors.New("the provider has no metadata document there")

// fetch gets the document at a location of the provider, once, and follows
// nothing that the answer says.
func (s *Source) fetch(ctx context.Context, location string) (*Document, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	target := url.URL{Scheme: s.Upstream.Scheme, Host: s.Upstream.Host, Path: location}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("metadata location: %w", err)
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
	// RoundTrip and not a client: a redirect could lead to another host.
	resp, err := s.Transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("fetching metadata: %w", err)
	}
	defer resp.Body.Close()
	if err := checkReply(resp); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("reading metadata: %w", err)
	}
	if len(text) > maxDocument {
		return nil, errors.New("the metadata document is larger than 256 KiB")
	}
	md, err := ParseMetadata(text)
	if err != nil {
		return nil, err
	}
	return &Document{Metadata: md}, nil
}

// checkReply decides by status and header whether a reply holds a document.
func checkReply(resp *http.Response) error {
	switch {
	case resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests:
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
