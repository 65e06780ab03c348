package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/printable"
	"oauthgw/wellknown"
)

// observation is everything that was seen.
type observation struct {
	url       string   // where clients begin, byte for byte
	begin     *url.URL // the same
	now       time.Time
	locations []location // in the order in which clients ask
	resource  location   // the protected resource's
	endpoints []endpoint // those that the metadata names, of those that are asked
	shared    reply      // to a page of another origin that asks for metadata
	preflight *reply     // to a page of another origin that asks for tokens; nil: not asked
}

// foreignPage is an origin that no server knows (RFC 6761 section 6.4).
const foreignPage = "https://oauthgw-doctor.invalid"

// observe looks at everything, one request after another.
func (a *asker) observe(ctx context.Context, text string, begin *url.URL) observation {
	o := observation{url: text, begin: begin, now: time.Now()}
	for _, l := range places(begin) {
		l = read(l, a.ask(ctx, request{method: http.MethodGet, url: o.at(l.path)}))
		o.locations = append(o.locations, l)
		if !o.reached() {
			return o
		}
	}
	o.resource = location{path: "/.well-known/oauth-protected-resource" + strings.TrimRight(begin.Path, "/")}
	o.resource = read(o.resource, a.ask(ctx, request{method: http.MethodGet, url: o.at(o.resource.path)}))
	used, ok := o.used()
	if !ok {
		return o
	}
	o.shared = a.ask(ctx, request{method: http.MethodGet, url: o.at(used.path), header: http.Header{"Origin": {foreignPage}}})
	for _, name := range []clientauth.Endpoint{clientauth.Token, clientauth.Revocation} {
		if used.metadata().Get(member(name)) != nil {
			o.endpoints = append(o.endpoints, a.visit(ctx, o, name, used.metadata()))
		}
	}
	if i := slices.IndexFunc(o.endpoints, func(e endpoint) bool { return e.name == clientauth.Token && e.untested == "" }); i >= 0 {
		preflight := a.ask(ctx, request{method: http.MethodOptions, url: o.endpoints[i].url, header: http.Header{
			"Origin": {foreignPage}, "Access-Control-Request-Method": {http.MethodPost},
			"Access-Control-Request-Headers": {"authorization,content-type"},
		}})
		o.preflight = &preflight
	}
	return o
}

// places returns where clients look for metadata: at the locations of an issuer
// with a path, then, as some do, at those of its origin.
func places(begin *url.URL) []location {
	var places []location
	for _, p := range wellknown.Locations(begin.String()) {
		places = append(places, location{path: p})
	}
	if strings.Trim(begin.Path, "/") != "" {
		for _, p := range wellknown.Locations("") {
			places = append(places, location{path: p, root: true})
		}
	}
	return places
}

// at returns the URL of a path at the origin where clients begin.
func (o observation) at(path string) string {
	return (&url.URL{Scheme: o.begin.Scheme, Host: o.begin.Host, Path: path}).String()
}

// reached reports whether the server answers at all.
func (o observation) reached() bool {
	return len(o.locations) > 0 && (o.locations[0].reply.err == nil || o.locations[0].reply.status != 0)
}

// used returns the first location with a document, by which clients go.
func (o observation) used() (location, bool) {
	if i := slices.IndexFunc(o.locations, location.holds); i >= 0 {
		return o.locations[i], true
	}
	return location{}, false
}

// own returns the locations with a document, without the origin's where they
// are those of another issuer.
func (o observation) own() []location {
	var own []location
	for _, l := range o.locations {
		if l.holds() && !l.root {
			own = append(own, l)
		}
	}
	return own
}

// visit presents a client that does not exist to an endpoint, if ask sends that.
func (a *asker) visit(ctx context.Context, o observation, name clientauth.Endpoint, md wellknown.Metadata) endpoint {
	u := md.Endpoint(name)
	if u == nil {
		return endpoint{name: name, untested: "it is no http or https URL", do: "Correct it at the provider."}
	}
	s := newStranger()
	e := endpoint{name: name, url: u.String()}
	e.basic = s.read(clientauth.Basic, a.ask(ctx, s.byBasic(name, e.url)))
	if errors.Is(e.basic.err, errElsewhere) {
		e.untested = fmt.Sprintf("it is at %s, and only %s is tested", printable.Quote(u.Scheme+"://"+u.Host), o.at(""))
		e.do = "Run oauthgw doctor with --follow to test it there."
		return e
	}
	e.post = s.read(clientauth.Post, a.ask(ctx, s.byPost(name, e.url)))
	return e
}

func member(name clientauth.Endpoint) string { return string(name) + "_endpoint" }
