// Package legacy is an OAuth 2.0 authorization server that reads client
// credentials only from the form, as Coder's did before it learned HTTP Basic.
// It is the provider of the demo and of the tests: it behaves on the wire as
// the original, refusals included, and holds everything in memory.
//
// It speaks the authorization code and refresh token grants (RFC 6749 sections
// 4.1 and 6) with PKCE (RFC 7636) and resource indicators (RFC 8707),
// revocation (RFC 7009), open client registration and its management (RFC 7591,
// RFC 7592), and publishes its metadata (RFC 8414, RFC 9728). There is one
// user, who is always logged in and is only asked for consent.
//
// It does not do what the original did not do: HTTP Basic client
// authentication, challenges to clients, Cache-Control, introspection, OpenID
// Connect. It is no provider for anyone's real users.
package legacy

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// The paths of the provider. Doubled slashes count as one and a trailing one
// as none, without a redirect.
//
// #nosec G101 -- they are no credentials
const (
	authorizationPath    = "/oauth2/authorize"
	tokenPath            = "/oauth2/tokens"
	revocationPath       = "/oauth2/revoke"
	registrationPath     = "/oauth2/register"
	clientsPath          = "/oauth2/clients"
	resourcePath         = "/mcp"
	serverMetadataPath   = "/.well-known/oauth-authorization-server"
	resourceMetadataPath = "/.well-known/oauth-protected-resource"
)

// How long what the provider issues is valid.
const (
	defaultTokenLifetime = 24 * time.Hour
	refreshTokenLifetime = 30 * 24 * time.Hour
	codeLifetime         = 10 * time.Minute
)

// Config tells what a [Provider] is made of. The zero Config makes a provider
// whose documents name no origin.
type Config struct {
	// PublicURL is the origin that the provider's documents name, as in
	// https://provider.example: no path, no trailing slash. It is the issuer
	// (RFC 8414 section 2). The Host of a request is never used instead.
	PublicURL string
	// Resource is the protected resource at /mcp and below it, reached with a
	// valid access token as Bearer (RFC 6750 section 2.1). It sees the request
	// as it came. Nil: a short JSON answer.
	Resource http.Handler
	// Observe is told of each POST to the token and the revocation endpoint,
	// before the request is judged. It is called from the goroutines of the
	// requests. Nil: nobody is told.
	Observe func(Observation)
	// TokenLifetime is how long an access token is valid. Zero: 24 hours.
	TokenLifetime time.Duration
	// Clients are there from the start, beside those that register. They
	// cannot be managed: nobody holds a registration access token of theirs.
	Clients []Client
}

// Observation is what arrived at an endpoint, without its secrets.
type Observation struct {
	// Path is the path of the request as it came.
	Path string `json:"path"`
	// Authorization tells whether there was an Authorization header field.
	Authorization bool `json:"authorization"`
	// Parameters are the names of the parameters in the order of their
	// arrival, the query's first. A piece that is not name=value has an empty
	// name, because what stands there may be a secret. Never nil.
	Parameters []string `json:"parameters"`
}

// Provider is the authorization server and its protected resource. Make it
// with [New]. It is safe for concurrent use.
type Provider struct {
	config Config

	mu      sync.Mutex
	clients map[string]*client // by client_id; what they point to is guarded too
	access  map[string]*client // by access token
}

// New returns a provider that knows no clients but the configured ones.
func New(config Config) *Provider {
	if config.Resource == nil {
		config.Resource = http.HandlerFunc(greet)
	}
	if config.Observe == nil {
		config.Observe = func(Observation) {}
	}
	if config.TokenLifetime == 0 {
		config.TokenLifetime = defaultTokenLifetime
	}
	p := &Provider{
		config:  config,
		clients: make(map[string]*client),
		access:  make(map[string]*client),
	}
	for _, c := range config.Clients {
		p.clients[c.ID] = c.registered()
	}
	return p
}

// ServeHTTP routes by itself, because [http.ServeMux] would answer doubled
// slashes with a redirect, and a redirected POST arrives as a GET.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := singleSlashes(r.URL.Path)
	switch {
	case path == tokenPath:
		p.serveToken(w, r)
	case path == revocationPath:
		p.serveRevocation(w, r)
	case path == authorizationPath:
		p.serveAuthorization(w, r)
	case path == registrationPath:
		p.serveRegistration(w, r)
	case within(path, clientsPath):
		p.serveClient(w, r, strings.TrimPrefix(path, clientsPath+"/"))
	case within(path, serverMetadataPath):
		p.serveServerMetadata(w, r)
	case within(path, resourceMetadataPath):
		p.serveResourceMetadata(w, r)
	case within(path, resourcePath):
		p.serveResource(w, r)
	default:
		serveDashboard(w, r)
	}
}

// singleSlashes returns the path with every run of slashes made one, and
// without a trailing one. Dot segments stay: no route has them.
func singleSlashes(path string) string {
	var b strings.Builder
	for segment := range strings.SplitSeq(path, "/") {
		if segment != "" {
			b.WriteString("/" + segment)
		}
	}
	return b.String()
}

// within reports whether the path is the root or lies below it.
func within(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}
