package config

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/clients"
)

// clients returns the table of the configured clients.
func (v *validator) clients(c Config) *clients.Table {
	var list []clients.Client
	for _, id := range slices.Sorted(maps.Keys(c.Clients)) {
		list = append(list, v.client("clients."+id, id, c.Clients[id], c.Upstream.ClientAuth))
	}
	return clients.New(v.providerAuth("upstream.client_auth", c.Upstream.ClientAuth), list)
}

func (v *validator) providerAuth(key, value string) clientauth.Method {
	return oneOf(v, key, value, clientauth.Post, clientauth.Basic)
}

func (v *validator) client(key, id string, c ClientConfig, auth string) clients.Client {
	out := clients.Client{
		ID: id, SecretFile: c.SecretFile, ProviderAuth: v.providerAuth(key+".provider_auth", cmp.Or(c.ProviderAuth, auth)),
		Public: c.Public, Aliases: c.Aliases, Register: c.Register, RedirectURIs: c.RedirectURIs, Grants: c.Grants,
		InsecureWithoutPKCE: c.InsecureWithoutPKCE,
	}
	if len(out.Grants) == 0 {
		out.Grants = []string{clients.GrantCode, clients.GrantRefresh}
	}
	if c.SecretFile != "" {
		text := string(v.contents(key+".secret_file", c.SecretFile))
		out.Secret = clientauth.NewSecret(strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r"))
	}
	return out
}
