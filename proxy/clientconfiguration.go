package proxy

import (
	"net/url"
	"path"
	"slices"
	"sync"
)

// maxConfigurations bounds what is learnt. A provider has one place or two.
const maxConfigurations = 8

// ClientConfiguration knows below which paths clients read, update and delete
// their registration (RFC 7592 section 2). A provider names the place only in
// its answers to those who register, so it is learnt from them. It is safe for
// concurrent use.
type ClientConfiguration struct {
	mu    sync.RWMutex
	below []string
}

// NewClientConfiguration returns one that knows the given paths.
func NewClientConfiguration(paths ...string) *ClientConfiguration {
	c := &ClientConfiguration{}
	for _, p := range paths {
		c.add(p)
	}
	return c
}

// Leads reports whether a path is some client's: it lies directly below one of
// the paths. What lies deeper is something else of the provider's.
func (c *ClientConfiguration) Leads(p string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Contains(c.below, path.Dir(path.Clean("/"+p)))
}

// Inherit takes over what another one knows.
func (c *ClientConfiguration) Inherit(from *ClientConfiguration) {
	from.mu.RLock()
	below := slices.Clone(from.below)
	from.mu.RUnlock()
	for _, place := range below {
		c.add(place)
	}
}

// learn keeps the place of a registration_client_uri, if it is one to which the
// client's id was appended: nothing else can be told from a URI (RFC 7592
// section 1.2 leaves its form to the provider).
func (c *ClientConfiguration) learn(uri, clientID string) {
	u, err := url.Parse(uri)
	if err != nil {
		return
	}
	if clean := path.Clean("/" + u.Path); path.Base(clean) == clientID {
		c.add(path.Dir(clean))
	}
}

// add keeps a place. The root is none: too many paths would be a client's.
func (c *ClientConfiguration) add(p string) {
	place := path.Clean("/" + p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if place != "/" && len(c.below) < maxConfigurations && !slices.Contains(c.below, place) {
		c.below = append(c.below, place)
	}
}

// Paths returns the paths that are known.
func (c *ClientConfiguration) Paths() []string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Clone(c.below)
}
