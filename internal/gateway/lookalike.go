package gateway

import (
	"net/http"
	"path"
	"slices"
	"strings"

	"oauthgw/proxy"

	"github.com/gorilla/mux"
)

// lookalikes match paths that are not an accepted spelling of a fronted endpoint's path,
// but that a router in wide use takes for that endpoint: passed through, they would carry
// token requests past every check. They match under every method, because the methods of
// such a router are unknown; those of the registration endpoint do not match under GET and
// HEAD, which register no client. A path that names an endpoint and has too many variants
// matches as well.
type lookalikes struct {
	spelled      []string // the normalized paths of the endpoints
	paths        []string // the normalized paths below which clients manage registrations
	endpoints    []string // the variants of spelled
	registration []string // the variants of the registration endpoint
	management   []string // the variants of paths
	words        []string // each variant contains one of them
}

// newLookalikes returns the lookalikes of the given endpoints, of the registration
// endpoint, which is the first of paths, and, for requests with a Bearer token, of what is
// directly below paths.
func newLookalikes(endpoints, paths []string) lookalikes {
	l := lookalikes{spelled: endpoints, paths: paths}
	for _, p := range endpoints {
		l.endpoints = append(l.endpoints, l.add(p)...)
	}
	for i, p := range paths {
		l.management = append(l.management, l.add(p)...)
		if i == 0 {
			l.registration = l.management
		}
	}
	return l
}

// add returns the variants of a path, and notes the word that all of them contain.
func (l *lookalikes) add(escaped string) []string {
	variants, _ := pathVariants(escaped)
	shortest := slices.MinFunc(variants, func(a, b string) int { return len(path.Base(a)) - len(path.Base(b)) })
	l.words = append(l.words, strings.Trim(strings.ToLower(path.Base(shortest)), "/"))
	return variants
}

// accepts reports whether the path of a request is an accepted spelling.
func (l lookalikes) accepts(r *http.Request) bool {
	p := normalizedPath(r)
	return slices.Contains(l.spelled, p) || len(l.paths) > 0 && p == l.paths[0] || managesClient(r, l.paths)
}

// match implements [mux.MatcherFunc].
func (l lookalikes) match(r *http.Request, _ *mux.RouteMatch) bool {
	escaped, _ := proxy.TargetPath(r)
	if !l.containsWord(escaped) || l.accepts(r) {
		return false
	}
	variants, complete := pathVariants(escaped)
	variants = append(variants, withoutPrefixes(variants, r)...)
	registers := r.Method != http.MethodGet && r.Method != http.MethodHead
	return !complete || slices.ContainsFunc(variants, func(v string) bool {
		return containsPath(l.endpoints, v) || registers && containsPath(l.registration, v) ||
			proxy.HasToken(r) && containsPath(l.management, path.Dir(strings.TrimRight(v, "/")))
	})
}

// prefixFields are the fields in which proxies name the path of an application. WSGI
// applications cut it off the path of the request. A trusted proxy may pass on what the
// client wrote into them.
var prefixFields = []string{"X-Script-Name", "X-Forwarded-Prefix"}

// withoutPrefixes returns what is left of paths without the prefixes in the header.
func withoutPrefixes(paths []string, r *http.Request) (rests []string) {
	for _, name := range prefixFields {
		for _, prefix := range r.Header[name] {
			for _, p := range paths {
				if rest, ok := strings.CutPrefix(p, strings.TrimRight(prefix, "/")); ok {
					rests = append(rests, "/"+strings.TrimLeft(rest, "/"))
				}
			}
		}
	}
	return rests
}

// containsWord reports whether a path can be a variant at all. Most paths cost only this.
func (l lookalikes) containsWord(escaped string) bool {
	for range maxDecodings {
		text := strings.ToLower(printableASCII(escaped))
		if slices.ContainsFunc(l.words, func(word string) bool { return strings.Contains(text, word) }) {
			return true
		}
		decoded := decodeOnce(escaped)
		if decoded == escaped {
			return false
		}
		escaped = decoded
	}
	return false
}

// containsPath reports whether a list contains a path, for a router that ignores case and
// slashes at the end.
func containsPath(list []string, p string) bool {
	return slices.ContainsFunc(list, func(e string) bool {
		return strings.EqualFold(strings.TrimRight(e, "/"), strings.TrimRight(p, "/"))
	})
}
