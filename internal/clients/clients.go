// Package clients holds the provider's clients that the operator configured: the secret that the
// gateway keeps for each, and the rules under which it authenticates a public client with it.
//
// A [Table] answers in this order of a login: [Table.Register] a registration, [Table.Judge] an
// authorization request, [Table.Lend] a request to the token endpoint. [Client.Repeats] finds the
// secret in a response.
package clients

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"oauthgw/clientauth"
)

// Client is a client that is registered at the provider.
type Client struct {
	ID         string            // client_id at the provider
	Secret     clientauth.Secret // zero: the gateway keeps none
	SecretFile string            // from which Secret was read, for log lines
	// ProviderAuth is how the provider reads this client's credentials, Basic or Post. Empty: as
	// those of every client.
	ProviderAuth clientauth.Method
	Public       bool     // the secret is lent to clients that have none and use PKCE
	Aliases      []string // URLs of client ID metadata documents that stand for ID
	Register     bool     // registrations with listed redirect URIs get ID
	RedirectURIs []string // those that a public client may use
	Grants       []string // those for which the secret is lent at the token endpoint
	// InsecureWithoutPKCE says that the operator knows how the provider treats PKCE, although its
	// metadata does not list S256.
	InsecureWithoutPKCE bool
}

// Table holds the configured clients. A nil Table is empty. It is immutable and safe for concurrent
// use.
type Table struct {
	providerAuth clientauth.Method
	clients      []Client
	named        map[string]Use // public clients, by id and alias
}

// Use is a public client, and the name by which a request uses it.
type Use struct {
	*Client
	Alias string // empty: its ID
}

// New returns the table of some clients, whose IDs and aliases differ. ProviderAuth is how the
// provider reads the credentials of clients that do not say otherwise; empty means Post. The caller
// must not change the list afterwards.
func New(providerAuth clientauth.Method, list []Client) *Table {
	t := &Table{providerAuth, list, map[string]Use{}}
	for i := range list {
		if c := &list[i]; c.Public {
			t.named[c.ID] = Use{Client: c}
			for _, alias := range c.Aliases {
				t.named[alias] = Use{c, alias}
			}
		}
	}
	return t
}

// ProviderAuth returns how the provider reads the credentials of a client, Basic or Post.
func (t *Table) ProviderAuth(id string) clientauth.Method {
	if t == nil {
		return clientauth.Post
	}
	i := slices.IndexFunc(t.clients, func(c Client) bool { return c.ID == id })
	if i >= 0 && t.clients[i].ProviderAuth != "" {
		return t.clients[i].ProviderAuth
	}
	return cmp.Or(t.providerAuth, clientauth.Post)
}

// All returns every client, in the order in which they were given.
func (t *Table) All() []Client {
	if t == nil {
		return nil
	}
	return t.clients
}

func (t *Table) any(is func(Client) bool) bool { return slices.ContainsFunc(t.All(), is) }

// HasPublic reports whether a secret is lent to any client.
func (t *Table) HasPublic() bool { return t.any(func(c Client) bool { return c.Public }) }

// HasAliases reports whether a client ID metadata document stands for any client.
func (t *Table) HasAliases() bool { return t.any(func(c Client) bool { return len(c.Aliases) > 0 }) }

// Registers reports whether any client can be registered.
func (t *Table) Registers() bool { return t.any(func(c Client) bool { return c.Register }) }

// find returns the public client that a client_id names, byte for byte.
func (t *Table) find(name string) (Use, bool) {
	if t == nil {
		return Use{}, false
	}
	use, ok := t.named[name]
	return use, ok
}

// resembles reports whether a client_id that is no name in the table could be one for a provider
// that compares IDs as databases compare text: without regard to case, spaces at the ends, accents
// or width.
func (t *Table) resembles(name string) bool {
	name = strings.TrimSpace(name)
	if strings.IndexFunc(name, isForeign) < 0 {
		return t.anyName(func(listed string) bool { return strings.EqualFold(name, listed) })
	}
	var pattern strings.Builder
	for _, c := range name {
		if isForeign(c) {
			pattern.WriteString(".{0,2}")
		} else {
			pattern.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	like, err := regexp.Compile("(?i)^" + pattern.String() + "$")
	return err != nil || t.anyName(like.MatchString)
}

// isForeign reports whether a character cannot be in a client_id (RFC 6749 section A.1).
func isForeign(c rune) bool { return c < ' ' || c > '~' }

func (t *Table) anyName(is func(string) bool) bool {
	for listed := range t.named {
		if is(listed) {
			return true
		}
	}
	return false
}

// Mentions reports whether a text could name a public client to some reader: a query, or a body in
// any format.
func (t *Table) Mentions(text string) bool {
	if !t.HasPublic() {
		return false
	}
	return slices.ContainsFunc(readings(text), func(reading string) bool {
		reading = strings.ToLower(strings.ReplaceAll(reading, "\x00", ""))
		return t.anyName(func(listed string) bool { return strings.Contains(reading, strings.ToLower(listed)) })
	})
}
