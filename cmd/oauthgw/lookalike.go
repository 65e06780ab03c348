package main

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"oauthgw/proxy"

	"github.com/gorilla/mux"
)

// A lookalike is a path that is not an accepted spelling of a fronted endpoint's
// path, but that a router in wide use takes for that endpoint. Passed through, it
// would carry token requests past every check. Lookalikes are refused under every
// method, because which methods such a router takes there is not known; only those of
// the registration endpoint pass under GET and HEAD, which register no client. Also
// refused is a path that names an endpoint and has more readings than are looked at.

// lookalikes matches the lookalikes of fronted endpoints.
type lookalikes struct {
	endpoints    []string // every reading of their paths
	registration []string // the same of the registration endpoint
	places       []string // every reading of the paths below which clients manage registrations
	words        []string // one of them is in every path that can be read as one of the above
	accepts      func(*http.Request) bool
}

// newLookalikes returns the lookalikes of endpoints, of the registration endpoint, which
// is the first of places, and, in requests with a Bearer token, of the paths directly
// below places. Accepts reports whether a request has an accepted spelling.
func newLookalikes(endpoints, places []string, accepts func(*http.Request) bool) lookalikes {
	l := lookalikes{accepts: accepts}
	for _, p := range endpoints {
		l.endpoints = append(l.endpoints, l.add(p)...)
	}
	for i, p := range places {
		l.places = append(l.places, l.add(p)...)
		if i == 0 {
			l.registration = l.places
		}
	}
	return l
}

// add returns the readings of a path and notes the word that all of them hold.
func (l *lookalikes) add(escaped string) []string {
	found, _ := pathReadings(escaped)
	shortest := slices.MinFunc(found, func(a, b string) int { return len(path.Base(a)) - len(path.Base(b)) })
	l.words = append(l.words, strings.Trim(strings.ToLower(path.Base(shortest)), "/"))
	return found
}

// match implements [mux.MatcherFunc].
func (l lookalikes) match(r *http.Request, _ *mux.RouteMatch) bool {
	escaped, _ := proxy.TargetPath(r) // the gateway has refused a target without one
	if !l.holdsWord(escaped) || l.accepts(r) {
		return false
	}
	found, complete := pathReadings(escaped)
	found = append(found, withoutPrefixes(found, r)...)
	registers := r.Method != http.MethodGet && r.Method != http.MethodHead
	return !complete || slices.ContainsFunc(found, func(reading string) bool {
		return holdsPath(l.endpoints, reading) || registers && holdsPath(l.registration, reading) ||
			proxy.HasToken(r) && holdsPath(l.places, path.Dir(strings.TrimRight(reading, "/")))
	})
}

// prefixFields are the fields in which proxies say below which path an application is.
// WSGI applications cut that off the path before they route it. A trusted proxy passes
// on what the client wrote there, unless it writes them itself.
var prefixFields = []string{"X-Script-Name", "X-Forwarded-Prefix"}

// withoutPrefixes returns what is left of paths without the prefixes that the header
// of a request names.
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

// holdsWord reports whether a path can be read as one of an endpoint at all. It is
// what nearly every path costs.
func (l lookalikes) holdsWord(escaped string) bool {
	for range maxDecodings {
		text := strings.ToLower(printableASCII(escaped))
		if slices.ContainsFunc(l.words, func(word string) bool { return strings.Contains(text, word) }) {
			return true
		}
		decoded := decodedOnce(escaped)
		if decoded == escaped {
			return false
		}
		escaped = decoded
	}
	return false
}

// holdsPath reports whether a path is in a list, for a router that knows neither case
// nor slashes at the end.
func holdsPath(list []string, p string) bool {
	return slices.ContainsFunc(list, func(e string) bool {
		return strings.EqualFold(strings.TrimRight(e, "/"), strings.TrimRight(p, "/"))
	})
}

// isPlainSegment reports whether the last segment of an escaped path is read alike by
// every server: it is no dot segment, and decoded it holds no delimiter, no control
// character, no percent sign that a second decoding would undo, and nothing but UTF-8.
func isPlainSegment(escaped string) bool {
	decoded, err := url.PathUnescape(path.Base(escaped))
	return err == nil && decoded != "." && decoded != ".." && utf8.ValidString(decoded) &&
		!strings.ContainsFunc(decoded, func(c rune) bool { return c < ' ' || c == 0x7f || strings.ContainsRune(`/\;%?#`, c) })
}
