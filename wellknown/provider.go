package wellknown

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
)

// Provider is what the provider's metadata says about the provider.
type Provider struct {
	// Issuer is the issuer identifier, as the provider wrote it.
	Issuer string
	// Endpoints are the endpoints that clients reach through the gateway.
	Endpoints map[clientauth.Endpoint]*url.URL
	// Fetched is when the provider last sent or confirmed the metadata.
	Fetched time.Time
}

// Provider returns what the issuer's metadata says. The error names what is missing.
func (s *Source) Provider(ctx context.Context) (Provider, error) {
	e, err := s.metadata(ctx)
	if err != nil {
		return Provider{}, err
	}
	md := Metadata{e.document.Object}
	p := Provider{Issuer: md.Issuer(), Endpoints: map[clientauth.Endpoint]*url.URL{}, Fetched: e.fetched}
	m := s.urlMap(md.Issuer())
	for _, name := range clientauth.Endpoints() {
		u := md.Endpoint(name)
		if u == nil {
			continue
		}
		if _, ok := m.Move(u.String()); ok {
			p.Endpoints[name] = u
		}
	}
	if p.Endpoints[clientauth.Token] == nil {
		return Provider{}, errors.New("the metadata names no token_endpoint on the origin that clients use; configure public_url or endpoints")
	}
	return p, nil
}

// metadata returns the issuer's metadata from the first location that has it.
func (s *Source) metadata(ctx context.Context) (entry, error) {
	var failures []error
	for _, path := range s.locations {
		location, name := parseLocation(path)
		e, _, err := s.get(ctx, location, name, false)
		if err == nil {
			return e, nil
		}
		failures = append(failures, fmt.Errorf("%s: %w", location, err))
	}
	return entry{}, errors.Join(failures...)
}

// URLMap returns how URLs that the provider hands out lead through the gateway: those at
// the issuer's and the upstream's origin are moved to the public one.
func (s *Source) URLMap(issuer string) origin.Map {
	at := origin.Of(issuer)
	return origin.Map{From: []*url.URL{at, s.config.Upstream}, To: cmp.Or(s.config.Public, at)}
}

// urlMap returns [Source.URLMap] for metadata, where only IssuerRewrite moves URLs.
func (s *Source) urlMap(issuer string) origin.Map {
	m := s.URLMap(issuer)
	if s.config.Issuer != IssuerRewrite {
		m.From = nil
	}
	return m
}

// overrides returns the overrides for a document, with the endpoints fronted at the
// given paths.
func (s *Source) overrides(md Metadata, issuer string, paths map[clientauth.Endpoint]string) Overrides {
	m := s.urlMap(issuer)
	o := Overrides{Endpoints: map[clientauth.Endpoint]string{}}
	if s.config.Issuer == IssuerRewrite {
		o.Issuer, _ = m.Move(md.Issuer())
		// Clients that guard against mix-up (RFC 9700 section 4.4) want the
		// authorization endpoint on the issuer's origin.
		if at, ok := m.Move(md.Text(memberAuthorization)); ok && s.config.Passthrough {
			o.Authorization = at
		}
	}
	for name, fronted := range paths {
		u := md.Endpoint(name)
		if u == nil || path.Clean("/"+u.Path) != path.Clean("/"+fronted) {
			continue
		}
		if at, ok := m.Move(md.Text(endpointMember(name))); ok {
			o.Endpoints[name] = at
		}
	}
	return o
}
