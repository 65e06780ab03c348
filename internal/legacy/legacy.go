// Package legacy is an OAuth 2.0 authorization server that reads client credentials only from
// the form, as Coder's did before it supported HTTP Basic. It is the provider of the demo and
// of the tests: on the wire it behaves like the original, errors included, and it keeps
// everything in memory.
//
// It supports the authorization code and refresh token grants (RFC 6749 sections 4.1 and 6)
// with PKCE (RFC 7636) and resource indicators (RFC 8707), revocation (RFC 7009), open client
// registration and its management (RFC 7591, RFC 7592), and metadata (RFC 8414, RFC 9728).
// The only user is always logged in and is only asked for consent. As in the
// original, there is no HTTP Basic, no challenge to clients and no Cache-Control.
package legacy

import (
	"net/http"
	"strings"
	"sync"
	"time"
)

// The paths of the provider. Doubled and trailing slashes do not count.
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

const (
	defaultTokenLifetime = 24 * time.Hour
	refreshTokenLifetime = 30 * 24 * time.Hour
	codeLifetime         = 10 * time.Minute
)

// Config configures a [Provider].
type Config struct {
	// PublicURL is the issuer (RFC 8414 section 2), an origin such as
	// https://provider.example. The Host of a request is never used instead.
	PublicURL string
	// Resource is the protected resource at /mcp and below. It gets the requests with a valid
	// access token as Bearer (RFC 6750 section 2.1). Nil means a short JSON response.
	Resource http.Handler
	// Observe is called for each POST to the token and the revocation endpoint, before the
	// request is checked. It may be called concurrently, and may be nil.
	Observe func(Observation)
	// TokenLifetime is the lifetime of access tokens. Zero means 24 hours.
	TokenLifetime time.Duration
	// Clients exist from the start. They have no registration access token.
	Clients []Client
	// NoRegistration leaves registration out of the metadata and answers it with 404.
	NoRegistration bool
}

// Observation is a request to an endpoint without its secrets.
type Observation struct {
	// Path is the path of the request.
	Path string `json:"path"`
	// Authorization reports whether there was an Authorization header field.
	Authorization bool `json:"authorization"`
	// Parameters are the names of the parameters in their order, the query's first. A piece
	// that is not name=value has an empty name, because it may be a secret. It is never nil.
	Parameters []string `json:"parameters"`
}

// Provider is the authorization server and its protected resource. It is safe for concurrent
// use.
type Provider struct {
	config Config

	mu      sync.Mutex
	clients map[string]*client // by client_id; guards the clients too
	access  map[string]*client // by access token
}

// New returns a provider with the configured clients.
func New(config Config) *Provider {
	if config.Resource == nil {
		config.Resource = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			writeMessage(w, http.StatusOK, "The access token is valid.")
		})
	}
	if config.Observe == nil {
		config.Observe = func(Observation) {}
	}
	if config.TokenLifetime == 0 {
		config.TokenLifetime = defaultTokenLifetime
	}
	p := &Provider{config: config, clients: map[string]*client{}, access: map[string]*client{}}
	for _, c := range config.Clients {
		p.clients[c.ID] = c.registered()
	}
	return p
}

// ServeHTTP routes without [http.ServeMux], which redirects doubled slashes: a redirected POST
// arrives as a GET.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := cleanSlashes(r.URL.Path)
	switch {
	case path == tokenPath:
		p.serveToken(w, r)
	case path == revocationPath:
		p.serveRevocation(w, r)
	case path == authorizationPath:
		p.serveAuthorization(w, r)
	case path == registrationPath && !p.config.NoRegistration:
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

// cleanSlashes returns the path without doubled and trailing slashes.
func cleanSlashes(path string) string {
	var b strings.Builder
	for segment := range strings.SplitSeq(path, "/") {
		if segment != "" {
			b.WriteString("/" + segment)
		}
	}
	return b.String()
}

// within reports whether the path is root or below it.
func within(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}
