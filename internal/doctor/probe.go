package doctor

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
	"oauthgw/wellknown"
)

type observation struct {
	url       string     // where clients start, byte for byte
	start     *url.URL   // the same
	locations []location // in the order in which clients look
	resource  location   // of the protected resource's metadata
	endpoints []endpoint // the probed ones
	shared    response   // to a page of another origin that requests metadata
	preflight response   // to a page of another origin that requests tokens
	agents    wellknown.AgentReport
}

const foreignPage = "https://oauthgw-doctor.invalid" // no server knows it (RFC 6761 section 6.4)

// probe sends all requests, one after another.
func (c *client) probe(ctx context.Context) observation {
	o := observation{url: c.config.URL, start: c.start}
	own, root := wellknown.Locations(o.url), wellknown.Locations("")
	paths := own
	if !slices.Equal(own, root) {
		paths = slices.Concat(own, root)
	}
	for i, p := range paths {
		o.locations = append(o.locations, c.get(ctx, o, location{path: p, root: i >= len(own)}))
		if !o.reached() {
			return o
		}
	}
	mcp, asked := c.config.MCPURL, c.config.MCPURL.Host != ""
	if !asked {
		mcp.URL = *o.start
	}
	o.resource = c.get(ctx, observation{start: &mcp.URL}, location{path: wellknown.Resource{Path: mcp.Path}.Location()})
	used, ok := o.used()
	if !ok {
		return o
	}
	if asked {
		o.agents = used.ReportAgents(used.Metadata, &mcp, &o.resource.Metadata, origin.Same(used.Endpoint(clientauth.Authorization), o.start))
	}
	o.shared = c.do(ctx, http.MethodGet, o.at(used.path), http.Header{"Origin": {foreignPage}}, "")
	for _, name := range []clientauth.Endpoint{clientauth.Token, clientauth.Revocation} {
		u := used.Endpoint(name)
		if u == nil {
			continue
		}
		e := endpoint{name: name, url: u, basic: c.authenticate(ctx, clientauth.Basic, name, u.String()), post: c.authenticate(ctx, clientauth.Post, name, u.String())}
		if name == clientauth.Token {
			if slices.Contains(used.Strings(wellknown.MethodsMember(name)), string(clientauth.PrivateKeyJWT)) {
				c.makeAssertion(used.Metadata)
				e.assertion = c.authenticate(ctx, clientauth.PrivateKeyJWT, name, u.String())
			}
			o.preflight = c.do(ctx, http.MethodOptions, u.String(), http.Header{"Origin": {foreignPage},
				"Access-Control-Request-Method": {http.MethodPost}, "Access-Control-Request-Headers": {"authorization,content-type"}}, "")
		}
		o.endpoints = append(o.endpoints, e)
	}
	return o
}

// get requests a location. It reads the response and follows redirects as the gateway does.
func (c *client) get(ctx context.Context, o observation, l location) location {
	var r wellknown.Reply
	for at, hops := l.path, 0; at != "" && hops <= 3; hops++ {
		l.response = c.do(ctx, http.MethodGet, o.at(at), nil, "")
		r = wellknown.Reply{Requested: &url.URL{Scheme: o.start.Scheme, Host: o.start.Host, Path: at}, Status: l.status, Header: l.header, Body: l.body}
		at, _, _ = r.Redirect()
	}
	if len(l.body) > wellknown.MaxDocument {
		l.err = nil // the diagnosis says so
	}
	if strings.HasPrefix(l.path, wellknown.Resource{}.Location()) {
		l.Object, _, l.invalid = r.Object()
		return l
	}
	var published wellknown.Metadata
	published, l.Metadata, l.invalid = r.Document(wellknown.Patch{})
	l.imperfections = r.Imperfections(published, l.Metadata)
	if r.Requested.Path != l.path {
		l.imperfections = append(l.imperfections, "a redirect in front of it")
	}
	return l
}

// at returns the URL of a path at the origin where clients start.
func (o observation) at(path string) string {
	return (&url.URL{Scheme: o.start.Scheme, Host: o.start.Host, Path: path}).String()
}

// reached reports whether the server answers at all.
func (o observation) reached() bool { return o.locations[0].status != 0 }

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
