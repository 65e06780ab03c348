// Package statuspage renders the HTML status page for operators.
//
// The page has its own style and no scripts, so that a Content-Security-Policy can forbid
// everything else. Text of the provider and of clients may be hostile: it is escaped and cut.
package statuspage

import (
	"time"

	"oauthgw/internal/jsonobject"
)

// Facts describe a running gateway. They must not hold secrets.
type Facts struct {
	Now, Started                 time.Time // of the page and of the process
	Version, Revision, GoVersion string    // of the binary
	NotReady                     string    // why the gateway is not ready, or empty
	Provider                     Provider
	Reload                       Reload
	Endpoints                    []Endpoint
	Documents                    []Document
	Problems                     []string  // of the metadata, if there is a document
	Counts                       []Count   // of requests since the start, sorted
	Refusals                     []Refusal // the latest first
}

// Provider describes the provider.
type Provider struct {
	Upstream        string    // the URL at which the gateway reaches it
	Issuer, Public  string    // its issuer and the origin for clients; empty: unknown
	Reached, Failed time.Time // when it last answered, and last did not; zero: never
	Err             error     // why it did not answer
}

// Reload describes the last load of the configuration.
type Reload struct {
	Tried       time.Time // when the configuration was last loaded
	Err         error     // why that failed, or nil
	ActiveSince time.Time // when the active configuration was loaded
}

// Endpoint is an endpoint with client authentication.
type Endpoint struct {
	Name, Path   string
	Untranslated bool // its requests are passed through
	Configured   bool // it comes from the configuration, not from the metadata
}

// Document is a document of the provider's metadata.
type Document struct {
	Location          string            // its path
	Published, Served jsonobject.Object // the provider's document, and the one for clients
	Fetched           time.Time         // when it was last fetched; zero: never
	Expired           bool              // it is too old to be served
	Err               error             // why the last fetch failed, or nil
	Absent            bool              // the provider has no document at the location
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
	Status                    int // zero: there was no response
}
