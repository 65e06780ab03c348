package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
	"oauthgw/internal/printable"
	"oauthgw/wellknown"
)

// observation is the result of all probes.
type observation struct {
	url       string     // where clients start, byte for byte
	start     *url.URL   // the same
	locations []location // in the order in which clients look
	resource  location   // of the protected resource's metadata
	endpoints []endpoint // the probed ones
	shared    response   // to a page of another origin that requests metadata
	preflight response   // to a page of another origin that requests tokens
}

// foreignPage is an origin that no server knows (RFC 6761 section 6.4).
const foreignPage = "https://oauthgw-doctor.invalid"

// probe sends all requests, one after another.
func (c *client) probe(ctx context.Context, text string, start *url.URL) observation {
	o := observation{url: text, start: start}
	get := func(l location) location {
		l.response = c.do(ctx, http.MethodGet, o.at(l.path), nil, "")
		if l.invalid = l.err; l.err == nil && l.status != http.StatusOK {
			l.invalid = errors.New("there is no document")
		}
		if l.invalid == nil {
			l.Object, l.invalid = jsonobject.Parse(l.body)
		}
		return l
	}
	for _, l := range candidates(start) {
		o.locations = append(o.locations, get(l))
		if !o.reached() {
			return o
		}
	}
	o.resource = get(location{path: "/.well-known/oauth-protected-resource" + strings.TrimRight(start.Path, "/")})
	used, ok := o.used()
	if !ok {
		return o
	}
	o.shared = c.do(ctx, http.MethodGet, o.at(used.path), http.Header{"Origin": {foreignPage}}, "")
	for _, name := range []clientauth.Endpoint{clientauth.Token, clientauth.Revocation} {
		if used.Get(wellknown.EndpointMember(name)) == nil {
			continue
		}
		e := c.probeEndpoint(ctx, o, name, used.Metadata)
		o.endpoints = append(o.endpoints, e)
		if name == clientauth.Token && e.untested == "" {
			o.preflight = c.do(ctx, http.MethodOptions, e.url, http.Header{"Origin": {foreignPage},
				"Access-Control-Request-Method": {http.MethodPost}, "Access-Control-Request-Headers": {"authorization,content-type"}}, "")
		}
	}
	return o
}

// candidates returns the locations of an issuer and, if it has a path, of its origin.
func candidates(start *url.URL) (locations []location) {
	for _, p := range wellknown.Locations(start.String()) {
		locations = append(locations, location{path: p})
	}
	if strings.Trim(start.Path, "/") != "" {
		for _, p := range wellknown.Locations("") {
			locations = append(locations, location{path: p, root: true})
		}
	}
	return locations
}

// at returns the URL of a path at the origin where clients start.
func (o observation) at(path string) string {
	return (&url.URL{Scheme: o.start.Scheme, Host: o.start.Host, Path: path}).String()
}

// reached reports whether the server answers at all.
func (o observation) reached() bool {
	return o.locations[0].err == nil || o.locations[0].status != 0
}

// used returns the first location with a document, which clients use.
func (o observation) used() (location, bool) {
	if i := slices.IndexFunc(o.locations, location.hasDocument); i >= 0 {
		return o.locations[i], true
	}
	return location{}, false
}

// own returns the locations of the issuer that have a document.
func (o observation) own() []location {
	return slices.DeleteFunc(slices.Clone(o.locations), func(l location) bool { return !l.hasDocument() || l.root })
}

// probeEndpoint authenticates at an endpoint as a client that does not exist.
func (c *client) probeEndpoint(ctx context.Context, o observation, name clientauth.Endpoint, md wellknown.Metadata) endpoint {
	u := md.Endpoint(name)
	if u == nil {
		return endpoint{name: name, untested: "it is not an http or https URL", fix: "Correct it at the provider."}
	}
	p, e := newProbeClient(), endpoint{name: name, url: u.String()}
	e.basic = p.authenticate(ctx, c, clientauth.Basic, name, e.url)
	if errors.Is(e.basic.err, errElsewhere) {
		e.untested = fmt.Sprintf("it is at %s, and only %s is tested", printable.Quote(u.Scheme+"://"+u.Host), o.at(""))
		e.fix = "Run oauthgw doctor with --follow to test it there."
		return e
	}
	e.post = p.authenticate(ctx, c, clientauth.Post, name, e.url)
	return e
}
