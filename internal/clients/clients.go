// Package clients holds the provider's clients that the operator configured: the secret that the
// gateway keeps for each, and the rules under which it authenticates a public client with it.
//
// A [Table] answers in this order of a login: [Table.Register] a registration, [Table.Judge] an
// authorization request, [Table.Lend] a request to the token endpoint. [Table.Authenticate] verifies
// the assertions of clients that have keys. [Client.Repeats] finds the secret in a response.
package clients

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"oauthgw/clientauth"
	"oauthgw/internal/assertion"
)

// Config is what the operator configured about a client that is registered at the provider.
type Config struct {
	SecretFile string `yaml:"secret_file"` // one line end at its end is dropped; empty: the gateway keeps no secret
	// ProviderAuth is how the provider reads this client's credentials. Empty: the default of [New].
	ProviderAuth clientauth.Method `yaml:"provider_auth"`
	Public       bool              `yaml:"public"`        // the secret is lent to clients that have none and use PKCE
	Aliases      []string          `yaml:"aliases"`       // URLs of client ID metadata documents that stand for the client
	Register     bool              `yaml:"register"`      // registrations with listed redirect URIs get the client
	RedirectURIs []string          `yaml:"redirect_uris"` // those that a public client may use
	Grants       []string          `yaml:"grants"`        // those for which the secret is lent at the token endpoint
	// InsecureWithoutPKCE says that the operator knows how the provider treats PKCE, although its
	// metadata does not list S256.
	InsecureWithoutPKCE bool           `yaml:"insecure_without_pkce"`
	Assertions          []IssuerConfig `yaml:"assertions"` // whose client assertions are verified; nil: none
}

// Client is a client that is registered at the provider.
type Client struct {
	ID     string            // client_id at the provider
	Secret clientauth.Secret // zero: the gateway keeps none
	// Issuers sign the assertions with which the client authenticates instead of the secret.
	Issuers []Issuer
	Config

	spellings []clientauth.Secret // of the secret, for Repeats; set by New
}

// Table holds the configured clients. Nil is empty. It is immutable and safe for concurrent use.
type Table struct {
	providerAuth clientauth.Method
	ownAuth      map[string]clientauth.Method // of clients that differ from it, by ID
	clients      []Client
	named        map[string]*Use    // public clients, by id and alias
	asserting    map[string]*Use    // clients with issuers, by id and alias
	workloads    map[[2]string]*Use // clients with workloads, by issuer and subject
}

// Use is a client, and how a request authenticates as it or borrows its secret.
type Use struct {
	*Client
	Alias  string            // the alias by which the request names it; empty: its ID
	Method clientauth.Method // the kind of its assertion; empty: unknown, or there is none
	Issuer Issuer            // who signed the assertion; zero: there is none
	Key    string            // the ID of the key; empty: there is none

	assertion *assertion.Assertion
}

// New returns the table of some clients, whose IDs and aliases differ. ProviderAuth is how the
// provider reads the credentials of clients that do not say otherwise; empty means Post. The caller
// must not change the list afterwards.
func New(providerAuth clientauth.Method, list []Client) *Table {
	t := &Table{providerAuth: providerAuth, clients: list,
		ownAuth: map[string]clientauth.Method{}, named: map[string]*Use{}, asserting: map[string]*Use{}, workloads: map[[2]string]*Use{}}
	for i := range list {
		c, names := &list[i], t.named
		c.spellings, t.ownAuth[c.ID] = spellings(c.Secret), c.ProviderAuth
		if len(c.Issuers) > 0 {
			names = t.asserting
		} else if !c.Public {
			continue
		}
		names[c.ID] = &Use{Client: c}
		for _, alias := range c.Aliases {
			names[alias] = &Use{Client: c, Alias: alias}
		}
		for k := range c.Issuers {
			t.addIssuer(c, &c.Issuers[k])
		}
	}
	return t
}

func (t *Table) addIssuer(c *Client, i *Issuer) {
	if i.IsWorkload() {
		t.workloads[[2]string{i.Issuer, i.Subject}] = t.asserting[c.ID]
	}
	if i.JWKSURI == "" {
		return
	}
	shared := t.remotes()
	i.remote = newRemoteKeys(i.JWKSURI, i.Roots)
	if k := slices.IndexFunc(shared, i.remote.isOf); k >= 0 {
		i.remote = shared[k]
	}
}

// ProviderAuth returns how the provider reads the credentials of a client, Basic or Post.
func (t *Table) ProviderAuth(id string) clientauth.Method {
	if t == nil {
		return clientauth.Post
	}
	return cmp.Or(t.ownAuth[id], t.providerAuth, clientauth.Post)
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

// NeedPKCE returns the IDs of the public clients whose provider is not known to check PKCE.
func (t *Table) NeedPKCE() (ids []string) {
	for _, c := range t.All() {
		if c.Public && !c.InsecureWithoutPKCE {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// HasAliases reports whether a client ID metadata document stands for any public client.
func (t *Table) HasAliases() bool {
	return t.any(func(c Client) bool { return c.Public && len(c.Aliases) > 0 })
}

// HasAssertions reports whether the assertions of any client are verified.
func (t *Table) HasAssertions() bool { return t != nil && len(t.asserting) > 0 }

// Algorithms returns the signature algorithms of the assertions that are verified; nil: none are.
func (t *Table) Algorithms() []string {
	if !t.HasAssertions() {
		return nil
	}
	return assertion.Algorithms()
}

// NeedsIssuer reports whether assertions of any client must name the issuer of the authorization server.
func (t *Table) NeedsIssuer() bool {
	return t.any(func(c Client) bool {
		return slices.ContainsFunc(c.Issuers, func(i Issuer) bool { return i.Audience == "" })
	})
}

// Registers reports whether any client can be registered.
func (t *Table) Registers() bool { return t.any(func(c Client) bool { return c.Register }) }

// find returns the public client that a client_id names, byte for byte, or nil.
func (t *Table) find(name string) *Use {
	if t == nil {
		return nil
	}
	return t.named[name]
}

// Mentions reports whether a text could name a public client to some reader: a query, or a body in
// any format. It may report true for a text that names none.
func (t *Table) Mentions(text string) bool { return t.HasPublic() && mentions(text, t.named) }

func mentions(text string, names map[string]*Use) bool {
	for reading := range readings(text) {
		// UTF-16 has a NUL beside each byte, and a NUL ends a C string.
		plain := strings.ReplaceAll(reading, "\x00", "")
		if holdsName(reading, names) || plain != reading && holdsName(plain, names) {
			return true
		}
	}
	ids := 0
	for pair := range strings.FieldsFuncSeq(text, func(c rune) bool { return strings.ContainsRune("&;#", c) }) {
		name, value, _ := strings.Cut(unescape(strings.ReplaceAll(pair, "+", " "), '%', fromPercent), "=")
		value, _, _ = strings.Cut(value, "\x00")
		if !clientauth.IsSpelling(name, clientauth.ParameterClientID) {
			continue
		}
		if ids++; ids > 16 || resembles(value, names) { // no request needs more, and each takes time
			return true
		}
	}
	return false
}

// holdsName reports whether a text holds one of some names in any case that is not part of a longer one.
func holdsName(text string, names map[string]*Use) bool {
	isPart := func(c rune) bool {
		return c == '_' || c == '-' || c < utf8.RuneSelf && (unicode.IsLetter(c) || unicode.IsDigit(c))
	}
	text = strings.ToLower(text)
	for name := range names {
		name = strings.ToLower(name)
		for rest := text; ; {
			before, after, found := strings.Cut(rest, name)
			if !found {
				break
			}
			last, _ := utf8.DecodeLastRuneInString(before)
			next, _ := utf8.DecodeRuneInString(after)
			if !isPart(last) && !isPart(next) {
				return true
			}
			rest = after
		}
	}
	return false
}
