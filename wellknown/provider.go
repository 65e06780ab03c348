package wellknown

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"oauthgw/clientauth"
)

// Provider is what the provider's metadata says about the provider.
type Provider struct {
	// Issuer is the issuer identifier, as the provider wrote it.
	Issuer string
	// Endpoints are the endpoints that lie on the origin that clients use.
	Endpoints map[clientauth.Endpoint]*url.URL
}

// Provider returns what the metadata at the root locations says. The error
// tells an operator what is missing.
func (s *Source) Provider(ctx context.Context) (Provider, error) {
	var failures []error
	for _, location := range []string{oauthLocation, openidLocation} {
		document, _, err := s.get(ctx, location)
		if err == nil {
			var p Provider
			if p, err = s.describe(document.Metadata); err == nil {
				return p, nil
			}
		}
		failures = append(failures, fmt.Errorf("%s: %w", location, err))
	}
	return Provider{}, errors.Join(failures...)
}

func (s *Source) describe(md Metadata) (Provider, error) {
	origin := s.publicOrigin(md)
	p := Provider{Issuer: md.Issuer(), Endpoints: map[clientauth.Endpoint]*url.URL{}}
	for _, name := range clientauth.Endpoints() {
		if u := md.Endpoint(name); u != nil && onOrigin(u, origin) {
			p.Endpoints[name] = u
		}
	}
	if p.Endpoints[clientauth.Token] == nil {
		return Provider{}, errors.New("the document names no token_endpoint on the origin that clients use; configure public_url or endpoints")
	}
	return p, nil
}

// publicOrigin returns the origin that clients use: as configured, or the
// issuer's, which is the one they start from.
func (s *Source) publicOrigin(md Metadata) *url.URL {
	if s.Public != nil {
		return s.Public
	}
	u, err := url.Parse(md.Issuer())
	if err != nil {
		return &url.URL{}
	}
	return u
}

// onOrigin reports whether a URL has the scheme, host and port of another.
func onOrigin(u, origin *url.URL) bool {
	return u.Scheme == origin.Scheme && u.Hostname() == origin.Hostname() && port(u) == port(origin)
}

func port(u *url.URL) string {
	switch p := u.Port(); {
	case p != "":
		return p
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}
