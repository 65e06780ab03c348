// Package statuspage makes of what is known of a running gateway the page that
// an operator reads.
//
// [Page] is a function from [Facts] to HTML: it asks nobody and keeps nothing.
// The page is one document without scripts, with its style inside, so that a
// policy can forbid everything else. Much of what it shows was written by the
// provider or by clients, who may be hostile: all of it is escaped, characters
// that show as nothing or turn the text around are spelled out, and long text
// and long lists are cut.
package statuspage

import (
	"time"

	"oauthgw/internal/jsonobject"
)

// Facts are what is known of a running gateway at one time. Texts may come from
// anybody; none may hold a secret.
type Facts struct {
	// Now is when the facts were gathered, and Started when the gateway was
	// started.
	Now, Started time.Time
	// Version, Revision and GoVersion identify the binary.
	Version, Revision, GoVersion string
	// NotReady says why requests are not to be sent here. Empty means that they
	// are.
	NotReady string
	// Provider, Reload and Endpoints describe what is fronted and how.
	Provider  Provider
	Reload    Reload
	Endpoints []Endpoint
	// Documents are the locations of the issuer's metadata.
	Documents []Document
	// Untrue are the sentences of the truth check. They mean something only where
	// there is a document.
	Untrue []string
	// Counts are the requests to fronted endpoints since the start.
	Counts []Count
	// Refusals are the last requests that were not accepted, the latest first.
	Refusals []Refusal
}

// Provider is the provider as the gateway knows it.
type Provider struct {
	// Upstream is the origin at which it is reached.
	Upstream string
	// Issuer is how it calls itself. Empty means that it is not known.
	Issuer string
	// Public is the origin that clients use. Empty means that it is not known.
	Public string
	// Reached is when it last answered, and Failed when it last did not. Zero
	// means never.
	Reached, Failed time.Time
	// Fault is why it did not, when Failed.
	Fault string
}

// Reload is what became of the configuration.
type Reload struct {
	// Tried is when it was last loaded, and Fault why that failed. An empty Fault
	// means that it did not.
	Tried time.Time
	Fault string
	// InForce is when the configuration that is in force was loaded.
	InForce time.Time
}

// Endpoint is an endpoint that the gateway knows.
type Endpoint struct {
	// Name is its name, and Path where clients reach it.
	Name, Path string
	// AsItIs says that its requests are carried without being translated.
	AsItIs bool
	// Configured says that the configuration names it, and not the provider's
	// metadata.
	Configured bool
}

// Document is a location of the provider's metadata.
type Document struct {
	// Location is its path.
	Location string
	// Published is what the provider wrote there, and Served what clients are
	// shown. Both are empty where nothing is known.
	Published, Served jsonobject.Object
	// Fetched is when the provider last brought it. Zero means never.
	Fetched time.Time
	// Expired says that it is too old to be shown to clients.
	Expired bool
	// Fault is why the provider did not bring it when it was last asked. Empty
	// means that it did, or was not asked.
	Fault string
	// Absent says that the provider answered that there is none.
	Absent bool
}

// Count tells how often clients authenticated so and that became of it.
type Count struct {
	Endpoint, Method, Outcome string
	Count                     uint64
}

// Refusal is a request that was not accepted.
type Refusal struct {
	Time                      time.Time
	Endpoint, Method, Outcome string
	// Status is the status of the answer. Zero means that there was none.
	Status int
}
