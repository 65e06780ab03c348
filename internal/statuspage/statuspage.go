// Package statuspage renders the HTML status page for operators.
//
// The page has its own style and no scripts, so that a Content-Security-Policy can forbid
// everything else. Text of the provider and of clients may be hostile: it is escaped and cut.
package statuspage

import (
	"time"

	"oauthgw/metrics"
	"oauthgw/wellknown"
)

// Facts describe a running gateway. They must not hold secrets.
type Facts struct {
	Now, Started                 time.Time // of the page and of the process
	Version, Revision, GoVersion string    // of the binary
	NotReady                     string    // why the gateway is not ready, or empty
	Provider                     Provider
	Reload                       Reload
	State                        State
	Methods                      [2]string // of client authentication: from and to which requests are translated
	Endpoints                    []Endpoint
	Documents                    []wellknown.Snapshot
	Problems                     []string                  // of the metadata, if there is a document
	Warnings                     []string                  // of the configuration
	Counts                       []metrics.ClientAuthCount // of requests since the start, sorted
	Repairs                      []metrics.RepairCount     // since the start, sorted
	Clients                      []Client                  // that are configured, sorted
	Recent                       Recent
	Groups                       []Group // since the start, the latest first
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

// State describes what replicas share.
type State struct {
	Redis string // its URL without the password; empty: nothing is shared
	Up    bool   // the last check could write to Redis
}

// Endpoint is a fronted endpoint.
type Endpoint struct {
	Name, Path   string
	Untranslated bool // its requests are passed through
	Configured   bool // it comes from the configuration, not from the metadata
}

// Kind is how a request ended. A request with a tolerated conflict has a second kind.
type Kind int

const (
	Accepted  Kind = iota
	Rejected       // by the provider
	Refused        // by the gateway
	Failed         // with 5xx of the provider, or no usable response
	Tolerated      // only client_auth.conflict: report let the request pass
)

// Client is a configured client.
type Client struct {
	ID                string
	Public, Registers bool
	Aliases           int
	ProviderAuth      string     // how the provider reads its credentials
	SecretFile        string     // the name; empty: none
	Issuers           []Issuer   // who signs its assertions
	Uses              ClientUses // zero if its secret is never lent
}

// Issuer is who signs assertions of a client.
type Issuer struct {
	Method  string // of client authentication
	Keys    int
	URI     string    // from which the keys are fetched; empty: they are in a file
	Fetched time.Time // zero: never
}

// ClientUses counts the requests that used a configured client since the start.
type ClientUses struct {
	Used                           uint64             // requests for which its secret was lent, or refused
	Last                           time.Time          // when its secret was last lent; zero: never
	Counts                         [Failed + 1]uint64 // those, by kind and without canceled ones
	Registered                     uint64             // registrations that the gateway answered
	SecretAccepted, SecretRejected time.Time          // when the provider last did that; zero: never
}

// Recent counts, by kind, the last [RecentRequests] within [RecentTime] that were not canceled.
type Recent map[Kind]int

// The limits of [Recent].
const (
	RecentRequests = 100
	RecentTime     = time.Hour
)

// Group is the requests of one kind with the same endpoint, method and reason.
type Group struct {
	Kind                     Kind
	Endpoint, Method, Reason string // the reason is the one in the log
	Count                    uint64
	Last                     time.Time
	RequestIDs               []string // of the last requests, the latest first
}
