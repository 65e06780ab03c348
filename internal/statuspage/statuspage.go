// Package statuspage renders the HTML status page for operators.
//
// [Page] is a function from [Facts] to HTML. The page is one document with its own style and
// without scripts, so that a Content-Security-Policy can forbid everything else. Much of its
// text comes from the provider or from clients and may be hostile: all of it is escaped, and long
// text and long lists are cut.
package statuspage

import (
	"time"

	"oauthgw/internal/jsonobject"
)

// Facts describe a running gateway. They must not hold secrets.
type Facts struct {
	// Now is the time of the page, and Started that of the start.
	Now, Started time.Time
	// Version, Revision and GoVersion identify the binary.
	Version, Revision, GoVersion string
	// NotReady is why the gateway is not ready. Empty means that it is.
	NotReady  string
	Provider  Provider
	Reload    Reload
	Endpoints []Endpoint
	Documents []Document
	// Problems are the problems of the metadata. They count only if there is a document.
	Problems []string
	// Counts are the requests to endpoints since the start, sorted.
	Counts []Count
	// Refusals are the last requests that were not accepted, the latest first.
	Refusals []Refusal
}

// Provider describes the provider.
type Provider struct {
	// Upstream is the URL at which the gateway reaches it.
	Upstream string
	// Issuer is its issuer, and Public the origin that clients use. Empty means unknown.
	Issuer, Public string
	// Reached is when it last answered, and Failed when it last did not. Zero means never.
	Reached, Failed time.Time
	// Error is why it did not answer.
	Error string
}

// Failing reports whether the last exchange failed.
func (p Provider) Failing() bool { return p.Failed.After(p.Reached) }

// Reload describes the last load of the configuration.
type Reload struct {
	// Tried is when the configuration was last loaded. Error is why that failed, or empty.
	Tried time.Time
	Error string
	// ActiveSince is when the active configuration was loaded.
	ActiveSince time.Time
}

// Endpoint is an endpoint with client authentication.
type Endpoint struct {
	// Name is its name, and Path where clients reach it.
	Name, Path string
	// Untranslated means that its requests are passed through.
	Untranslated bool
	// Configured means that it comes from the configuration, not from the metadata.
	Configured bool
}

// Document is a document of the provider's metadata.
type Document struct {
	// Location is its path.
	Location string
	// Published is the provider's document, and Served the one for clients.
	Published, Served jsonobject.Object
	// Fetched is when it was last fetched. Zero means never.
	Fetched time.Time
	// Expired means that it is too old to be served.
	Expired bool
	// Error is why the last fetch failed, or empty.
	Error string
	// Absent means that the provider has no document at the location.
	Absent bool
}

// Known reports whether the document was ever fetched.
func (d Document) Known() bool { return !d.Fetched.IsZero() }

// Count is a number of requests.
type Count struct {
	Endpoint, Method, Outcome string
	Count                     uint64
}

// Refusal is a request that was not accepted.
type Refusal struct {
	Time                      time.Time
	Endpoint, Method, Outcome string
	// Status is the status of the response. Zero means that there was none.
	Status int
}
