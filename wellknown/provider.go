package wellknown

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"oauthgw/clientauth"
)

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
	md := e.document.Metadata
	p := Provider{Issuer: md.Issuer(), Endpoints: map[clientauth.Endpoint]*url.URL{}, Fetched: e.fetched}
	m := s.urlMap(md.Issuer())
	for _, name := range clientauth.Endpoints() {
		if _, ok := m.Move(md.Text(endpointMember(name))); ok {
			p.Endpoints[name] = md.Endpoint(name)
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
