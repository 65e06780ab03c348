package wellknown

import (
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
	// Fetched is when the provider last sent the metadata, or confirmed it.
	Fetched time.Time
}

// Provider returns what the issuer's metadata says. The error tells an operator
// what is missing.
func (s *Source) Provider(ctx context.Context) (Provider, error) {
	e, err := s.metadata(ctx)
	if err != nil {
		return Provider{}, err
	}
	md := Metadata{e.document.Object}
	p := Provider{Issuer: md.Issuer(), Endpoints: map[clientauth.Endpoint]*url.URL{}, Fetched: e.fetched}
	way := s.way(md.Issuer())
	for _, name := range clientauth.Endpoints() {
		u := md.Endpoint(name)
		if u == nil {
			continue
		}
		if _, ok := way.Move(u.String()); ok {
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
		location, name := locate(path)
		e, _, err := s.fresh(ctx, location, name)
		if err == nil {
			return e, nil
		}
		failures = append(failures, fmt.Errorf("%s: %w", location, err))
	}
	return entry{}, errors.Join(failures...)
}

// way returns how URLs of an issuer's document lead through the gateway: as they are, if
// they name the public origin, and besides, where the issuer is rewritten, from
// the origins by which the provider calls itself.
func (s *Source) way(issuer string) origin.Map {
	m := origin.Map{To: s.Public}
	if m.To == nil {
		m.To = origin.Of(issuer)
	}
	if s.Issuer == IssuerRewrite {
		m.From = []*url.URL{origin.Of(issuer), s.Upstream}
	}
	return m
}

// front returns what the gateway makes of a document of the issuer's provider,
// if it fronts the endpoints at the given paths.
func (s *Source) front(md Metadata, issuer string, paths map[clientauth.Endpoint]string) Front {
	way := s.way(issuer)
	f := Front{Endpoints: map[clientauth.Endpoint]string{}}
	if s.Issuer == IssuerRewrite {
		f.Issuer, _ = way.Move(md.Issuer())
		// Clients want the place that they send the browser to on the issuer's
		// origin, or some other server could mix in its own (RFC 9700 section 4.4).
		if at, ok := way.Move(md.Text(memberAuthorization)); ok && s.Passthrough {
			f.Authorization = at
		}
	}
	for name, fronted := range paths {
		u := md.Endpoint(name)
		if u == nil || path.Clean("/"+u.Path) != path.Clean("/"+fronted) {
			continue
		}
		if at, ok := way.Move(md.Text(endpointMember(name))); ok {
			f.Endpoints[name] = at
		}
	}
	return f
}
