package config

import (
	"encoding/json"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
	"oauthgw/wellknown"
)

// endpoints parses the paths of endpoints. Two may share a path if their queries differ.
func (v *validator) endpoints(paths map[string]string) map[clientauth.Endpoint]*url.URL {
	out := map[clientauth.Endpoint]*url.URL{}
	owners := map[string]string{}
	known := texts(clientauth.AllEndpoints())
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		key := "endpoints." + name
		if !slices.Contains(known, name) {
			v.add(Error{Key: key, Message: "is not an endpoint; the endpoints are " + strings.Join(known, ", "), Allowed: known})
			continue
		}
		u := endpointPath(paths[name])
		if u == nil {
			v.addf(key, "must be a path, such as /oauth2/tokens, with a form-encoded query if any")
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

// endpointPath parses a path, perhaps with a query (RFC 6749 section 3.2), or returns nil.
func endpointPath(value string) *url.URL {
	u, err := url.Parse(value)
	if err == nil {
		_, err = clientauth.ParseForm(u.RawQuery)
	}
	if err != nil || !strings.HasPrefix(u.Path, "/") || u.Host != "" || u.Fragment != "" {
		return nil
	}
	return u
}

// path checks a path without a query. It may be empty.
func (v *validator) path(key, value string) {
	u := endpointPath(value)
	v.require(value == "" || u != nil && u.RawQuery == "" && path.Clean(u.Path) != "/", key, "must be a path below the root, such as /oauth2/clients")
}

// upstream returns the provider's origin, and the path of its Unix socket if it has one.
func (v *validator) upstream(c Config) (u *url.URL, socket string) {
	const key = "upstream.url"
	socket, isSocket := strings.CutPrefix(c.Upstream.URL, socketPrefix)
	switch {
	case c.Upstream.URL == "":
		v.addf(key, "is required: the provider's origin, such as http://127.0.0.1:3000")
		return nil, ""
	case isSocket:
		v.require(strings.HasPrefix(socket, "/"), key, "must name the socket by its whole path, such as unix:/run/provider.sock")
		return &url.URL{Scheme: "http", Host: "localhost"}, socket
	}
	u = v.origin(key, c.Upstream.URL, "http://127.0.0.1:3000")
	// Credentials need TLS (RFC 6749 section 3.2).
	v.require(u == nil || origin.IsConfidential(u) || c.Upstream.InsecurePlaintext,
		key, "plain http would carry client secrets to another host; use https, or set upstream.insecure_plaintext")
	return u, ""
}

// origin parses a URL of scheme and host. Empty is nil.
func (v *validator) origin(key, value, example string) *url.URL {
	if value == "" {
		return nil
	}
	u, err := url.Parse(value)
	if err == nil && u.Port() != "" && !isPort(u.Port()) {
		v.addf(key, invalidPort, example)
		return nil
	}
	if err != nil || !isAuthority(u) || u.Scheme != "http" && u.Scheme != "https" ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		v.addf(key, "must be an http or https URL without user, path, query or fragment, such as %s", example)
		return nil
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}
}

// isAuthority reports whether a URL has a valid host and, if it has a port, a valid one.
func isAuthority(u *url.URL) bool {
	return isHost(u.Hostname()) && !strings.HasSuffix(u.Host, ":") && (u.Port() == "" || isPort(u.Port()))
}

// upstreamNames checks the names that are sent to the provider instead of those in its URL.
func (v *validator) upstreamNames(c Config) {
	name := c.Upstream.Host
	u, err := url.Parse("http://" + name)
	v.require(name == "" || err == nil && u.Host == name && isAuthority(u), "upstream.host", "must be a host with or without a port, such as login.example.com; remove scheme, user and path")
	name = c.Upstream.ServerName
	v.require(name == "" || isHost(name), "upstream.server_name", "must be a host name without scheme and port, such as login.example.com")
	v.require(name == "" || strings.HasPrefix(strings.ToLower(c.Upstream.URL), "https:"), "upstream.server_name", "is used with TLS only; set upstream.url to an https URL, or remove this key")
}

// issuer checks an issuer, which is compared byte for byte (RFC 8414 sections 2 and 3.3).
func (v *validator) issuer(key, value string) {
	u, err := url.Parse(value)
	v.require(value == "" || err == nil && origin.Of(value) != nil && u.RawQuery == "" && u.Fragment == "" && u.User == nil,
		key, "must be the issuer as the provider's metadata writes it: an http or https URL without user, query or fragment")
}

func (v *validator) patch(c PatchConfig) wellknown.Patch {
	var p wellknown.Patch
	text, err := json.Marshal(c)
	v.require(err == nil && json.Unmarshal(text, &p) == nil, "metadata.patch", "must hold JSON values")
	for _, problem := range p.Problems() {
		v.addf("metadata.patch", "%s", problem)
	}
	return p
}

// resourcePath matches a path without escapes and without characters that servers read differently.
var resourcePath = regexp.MustCompile(`^(/[A-Za-z0-9._~!$&'()*+,=:@-]+)*/?$`)

// resources checks the protected resources, whose paths clients compare (RFC 9728 section 3.3).
func (v *validator) resources(c Config) {
	v.require(len(c.Resources) == 0 || c.Passthrough, "resources", "needs passthrough: true, because oauthgw forwards the requests for a resource to the provider")
	for i, r := range c.Resources {
		key := position("resources", i)
		isPlain := resourcePath.MatchString(r.Path) && strings.TrimSuffix(r.Path, "/") == strings.TrimSuffix(path.Clean(r.Path), "/")
		v.require(isPlain && len(r.Path) <= 256 && !strings.Contains(r.Path+"/", "/.well-known/"), key+".path", strconv.Quote(r.Path)+
			" is not the path of a resource; write one such as /mcp, of at most 256 bytes, without query, fragment, escapes, dot segments and .well-known")
		v.require(!slices.ContainsFunc(c.Resources[:i], func(other wellknown.Resource) bool { return other.Location() == r.Location() }), key+".path", strconv.Quote(r.Path)+" is listed twice; remove one")
		v.scopes(key+".scopes_supported", r.Scopes...)
	}
}
