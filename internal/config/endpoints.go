package config

import (
	"errors"
	"maps"
	"net/url"
	"oauthgw/clientauth"
	"path"
	"slices"
	"strings"
)

// endpoints parses the paths of the fronted endpoints. Two may share a path if their queries
// differ.
func (v *validator) endpoints(paths map[string]string) map[clientauth.Endpoint]*url.URL {
	out := map[clientauth.Endpoint]*url.URL{}
	owners := map[string]string{}
	known := texts(clientauth.Endpoints())
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		key := "endpoints." + name
		if !slices.Contains(known, name) {
			v.add(Error{Key: key, Message: "is not an endpoint; the endpoints are " + strings.Join(known, ", "), Allowed: known})
			continue
		}
		u, err := endpointPath(paths[name])
		if err != nil {
			v.addf(key, "%s", err)
			continue
		}
		location := path.Clean(u.Path) + "?" + u.Query().Encode()
		if owner, taken := owners[location]; taken {
			v.addf(key, "has the path of endpoints.%s", owner)
		}
		owners[location] = name
		out[clientauth.Endpoint(name)] = u
	}
	return out
}

// endpointPath parses a path, with a query if the endpoint has one (RFC 6749 section 3.2).
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

// path checks a path without a query. It may be empty.
func (v *validator) path(key, value string) string {
	u, err := endpointPath(value)
	v.require(value == "" || err == nil && u.RawQuery == "" && path.Clean(u.Path) != "/", key, "must be a path below the root, such as /oauth2/clients")
	return value
}
