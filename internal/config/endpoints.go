package config

import (
	"errors"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"oauthgw/clientauth"
)

// endpoints reads the paths of the fronted endpoints. No two may share one,
// unless their queries differ.
func (m *validator) endpoints(paths map[string]string) map[clientauth.Endpoint]*url.URL {
	out := map[clientauth.Endpoint]*url.URL{}
	owner := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		key := "endpoints." + name
		if !slices.Contains(clientauth.Endpoints(), clientauth.Endpoint(name)) {
			m.add(Error{Key: key, Message: "is no endpoint; the endpoints are " + list(clientauth.Endpoints()),
				Allowed: texts(clientauth.Endpoints())})
			continue
		}
		u, err := endpointPath(paths[name])
		if err != nil {
			m.addf(key, "%s", err)
			continue
		}
		place := path.Clean(u.Path) + "?" + u.Query().Encode()
		if other, taken := owner[place]; taken {
			m.addf(key, "has the path of endpoints.%s", other)
		}
		owner[place] = name
		out[clientauth.Endpoint(name)] = u
	}
	return out
}

// path reads a path, which may be left out.
func (m *validator) path(key, value string) string {
	if u, err := endpointPath(value); value != "" && (err != nil || u.RawQuery != "" || path.Clean(u.Path) == "/") {
		m.addf(key, "must be a path below the root, such as /oauth2/clients")
	}
	return value
}

// endpointPath reads the path of an endpoint, with its own query if it has one
// (RFC 6749 section 3.2).
func endpointPath(value string) (*url.URL, error) {
	u, err := url.Parse(value)
	if err != nil || !strings.HasPrefix(u.Path, "/") || u.Host != "" || u.Fragment != "" {
		return nil, errors.New("must be a path, such as /oauth2/tokens")
	}
	if _, err := clientauth.ParseForm(u.RawQuery); err != nil {
		return nil, errors.New("must have a form-encoded query, if any, such as /oauth2/tokens?tenant=1")
	}
	return u, nil
}
