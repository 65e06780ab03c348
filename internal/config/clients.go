package config

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/clients"
	"oauthgw/internal/origin"
)

func (v *validator) clients(c Config) *clients.Table {
	var list []clients.Client
	for _, id := range slices.Sorted(maps.Keys(c.Clients)) {
		list = append(list, v.client("clients."+id, id, c.Clients[id]))
	}
	v.clientNames(list)
	v.subjects(list)
	v.registrable(list)
	return clients.New(v.providerAuth("upstream.client_auth", c.Upstream.ClientAuth), list)
}

func (v *validator) providerAuth(key, value string) clientauth.Method {
	return oneOf(v, key, value, clientauth.Post, clientauth.Basic)
}

// clientID matches a client_id (RFC 6749 section A.1). Some providers ignore spaces at the ends.
var clientID = regexp.MustCompile(`^[!-~](?:[ -~]*[!-~])?$`)

var (
	grants    = []string{clients.GrantCode, clients.GrantRefresh} // for which a secret may be lent
	grantType = regexp.MustCompile(`^[!-~]+$`)                    // RFC 6749 section A.10
)

func (v *validator) client(key, id string, c clients.Config) clients.Client {
	v.require(clientID.MatchString(id), key, "must be the client_id at the provider: printable ASCII characters, without a space at either end")
	if c.ProviderAuth != "" {
		v.providerAuth(key+".provider_auth", string(c.ProviderAuth))
	}
	for name, isSet := range map[string]bool{
		"register": c.Register, "redirect_uris": len(c.RedirectURIs) > 0, "insecure_without_pkce": c.InsecureWithoutPKCE,
	} {
		v.require(c.Public || !isSet, key+"."+name, "has no effect without public: true; set public, or remove this key")
	}
	for name, isSet := range map[string]bool{"aliases": len(c.Aliases) > 0, "grants": len(c.Grants) > 0} {
		v.require(keepsSecret(c) || !isSet, key+"."+name, "has no effect without public: true or assertions; set one of them, or remove this key")
	}
	v.require(!c.Public || c.SecretFile != "", key+".secret_file", "is required with public: true, because its secret is lent to clients that have none; name the file of the secret")
	v.require(len(c.Assertions) == 0 || c.SecretFile != "", key+".secret_file", "is required with assertions, because the provider gets the secret in place of an assertion; name the file of the secret")
	v.require(len(c.Assertions) == 0 || !c.Public, key+".public", "cannot be true with assertions, because a public client has no key; remove one")
	v.require(!c.Public || len(c.RedirectURIs) > 0, key+".redirect_uris", "is required with public: true; list each redirect URI as the client sends it, such as http://127.0.0.1/callback")
	v.require(c.Grants == nil || len(c.Grants) > 0, key+".grants", "must not be empty; list grants such as refresh_token, or remove this key to allow the default ones")
	for _, grant := range c.Grants {
		v.require(c.Public || grantType.MatchString(grant), key+".grants", fmt.Sprintf("%q is not a grant; write the grant_type as clients send it, such as client_credentials", grant))
		v.require(!c.Public || slices.Contains(grants, grant), key+".grants", fmt.Sprintf("must hold only authorization_code and refresh_token; remove %q: "+
			"client_credentials, password, token-exchange, jwt-bearer and other grants need a secret or key of the client itself", grant))
	}
	for _, uri := range c.RedirectURIs {
		if problem := redirectProblem(uri); problem != "" {
			v.addf(key+".redirect_uris", "%q %s", uri, problem)
		}
	}
	if c.Public && len(c.Grants) == 0 {
		c.Grants = grants
	}
	return clients.Client{ID: id, Secret: v.clientSecret(key+".secret_file", c), Issuers: v.issuers(key+".assertions", c.Assertions), Config: c}
}

// keepsSecret reports whether the gateway, and not the client, authenticates with the secret.
func keepsSecret(c clients.Config) bool { return c.Public || len(c.Assertions) > 0 }

// minSecret is how many bytes a secret needs so that no other text is taken for it.
const minSecret = 16

var secretCharacters = regexp.MustCompile(`^[ -~]*$`) // RFC 6749 section A.2

// clientSecret reads the secret of a client.
func (v *validator) clientSecret(key string, c clients.Config) clientauth.Secret {
	secret := v.secret(key, c.SecretFile, "the client's secret at the provider", secretCharacters,
		"the secret as one line of printable ASCII characters (RFC 6749 section A.2); remove other characters and lines")
	if keepsSecret(c) && !secret.IsZero() && len(secret.Reveal()) < minSecret {
		v.addf(key, "the secret in %s is shorter than %d bytes, and could be guessed or be part of another text; let the provider issue a longer one", c.SecretFile, minSecret)
	}
	return secret
}

// clientNames checks that the ids and aliases name one client each.
func (v *validator) clientNames(list []clients.Client) {
	owners, similar := map[string]string{}, map[string]clients.Client{} // by alias, and by id in lower case
	for _, c := range list {
		lower := strings.ToLower(c.ID)
		other, found := similar[lower]
		if found && (keepsSecret(c.Config) || keepsSecret(other.Config)) {
			v.addf("clients."+c.ID, "differs from clients.%s only in case, and a provider may read one as the other; remove one, or set public and assertions in neither", other.ID)
		}
		if !found || keepsSecret(c.Config) {
			similar[lower] = c
		}
	}
	for _, c := range list {
		key := "clients." + c.ID + ".aliases"
		for _, alias := range c.Aliases {
			owner, taken := owners[alias]
			isID := slices.ContainsFunc(list, func(other clients.Client) bool { return other.ID == alias })
			switch {
			case !isAlias(alias):
				v.addf(key, "%q must be the URL of a client ID metadata document as the client sends it, such as https://agent.example/client.json: "+
					"https, a host in lower case and a path, without user, port 443, dot segments, query and fragment", alias)
			case isID:
				v.addf(key, "%q is the client_id of an entry of clients; remove it here, or rename the entry", alias)
			case taken:
				v.addf(key, "%q is an alias in clients.%s already; remove one", alias, owner)
			}
			owners[alias] = c.ID
		}
	}
}

// aliasPath matches the path of a URL behind its first slash (RFC 3986 section 3.3).
var aliasPath = regexp.MustCompile(`^[A-Za-z0-9._~!$&'()+,;=:@%/-]+$`)

// isAlias reports whether a text can be the URL of a client ID metadata document, and is spelled as
// clients send it (draft-ietf-oauth-client-id-metadata-document section 3).
func isAlias(text string) bool {
	o := origin.Of(text)
	if o == nil || o.Scheme != "https" {
		return false
	}
	path, ok := strings.CutPrefix(text, origin.Serialize(o)+"/")
	plain, _ := url.PathUnescape(path) // origin.Of has parsed it
	segments := strings.FieldsFunc(plain, func(c rune) bool { return c == '/' || c == '\\' })
	return ok && aliasPath.MatchString(path) && !slices.Contains(segments, ".") && !slices.Contains(segments, "..")
}

// uriCharacters matches text of characters that a URI without a fragment can hold (RFC 3986 section 2).
var uriCharacters = regexp.MustCompile(`^(?:[A-Za-z0-9._~:/?@!$&'()+,;=\[\]-]|%[0-9A-Fa-f]{2})+$`)

// reservedSchemes are handed to no app: a browser runs, shows or fetches what they name.
var reservedSchemes = strings.Fields(`javascript vbscript jscript livescript mocha data blob file filesystem about view-source
	jar mhtml mk res resource chrome intent content ftp ftps sftp ws wss gopher ldap ldaps smb nfs feed mailto urn`)

// redirectProblem returns what is wrong with a redirect URI, or nothing. Any other check is up to
// the operator, because URIs are compared byte for byte.
func redirectProblem(uri string) string {
	u, err := url.Parse(uri)
	loopback := []string{"127.0.0.1", "[::1]", "localhost"}
	switch {
	case strings.Contains(uri, "*"):
		return "has a wildcard, which would let others receive codes (RFC 9700 section 4.1); list each redirect URI"
	case err == nil && slices.Contains(reservedSchemes, u.Scheme):
		return "has a scheme that no app can own; use https, http on this host, or the scheme of an app, such as cursor://host/path"
	case err != nil || !uriCharacters.MatchString(uri) || !isAuthority(u) || !strings.HasPrefix(uri[len(u.Scheme):], "://"+u.Host) ||
		strings.HasPrefix(u.Scheme, "http") && !strings.HasPrefix(uri, u.Scheme):
		return "must be a URI as the client sends it: https://host/path, http://127.0.0.1/path, or the scheme of an app with a host, such as cursor://host/path; " +
			"without user, fragment, spaces, backslashes and characters outside of ASCII"
	case u.Scheme == "http" && !slices.Contains(loopback, strings.TrimSuffix(u.Host, ":"+u.Port())):
		return "is plain http to another host; use https, or http://127.0.0.1, http://[::1] or http://localhost"
	}
	return ""
}

// registrable checks that a registration can match one client only.
func (v *validator) registrable(list []clients.Client) {
	list = slices.DeleteFunc(slices.Clone(list), func(c clients.Client) bool { return !c.Register })
	for i, c := range list {
		for _, other := range list[:i] {
			for _, uri := range c.RedirectURIs {
				matches := func(theirs string) bool {
					return clients.MatchesRedirect(theirs, uri) || clients.MatchesRedirect(uri, theirs)
				}
				v.require(!slices.ContainsFunc(other.RedirectURIs, matches), "clients."+c.ID+".redirect_uris",
					fmt.Sprintf("%q can be registered in clients.%s too; remove one, or set register in one entry only", uri, other.ID))
			}
		}
	}
}

// clientWarnings returns what is valid but probably unintended about the clients.
func (s Settings) clientWarnings() (found []string) {
	for _, e := range []clientauth.Endpoint{clientauth.Authorization, clientauth.Token} {
		if s.Clients.HasPublic() && len(s.Endpoints) > 0 && s.Endpoints[e] == nil {
			found = append(found, fmt.Sprintf("endpoints: lacks %s, so public clients cannot log in; add endpoints.%[1]s", e))
		}
	}
	for _, c := range s.Clients.All() {
		if c.SecretFile != "" && !keepsSecret(c.Config) {
			found = append(found, "clients."+c.ID+".secret_file: has no effect without public: true or assertions, and the secret is never sent; set one of them, or remove this key")
		}
	}
	return found
}
