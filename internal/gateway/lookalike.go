package gateway

import (
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"

	"oauthgw/proxy"

	"github.com/gorilla/mux"
)

// matchLookalikes matches paths that are not an accepted spelling of a fronted endpoint's
// path, but that a router in wide use takes for that endpoint: passed through, they would
// carry token requests past every check. A path that names an endpoint and has too many
// variants matches as well.
//
// All paths are normalized. Clients manage registrations below managed, of which the first is
// the registration endpoint. The methods of such a router are unknown, so lookalikes match
// under every method, but those of that endpoint not under GET and HEAD.
func matchLookalikes(endpoints, managed []string) mux.MatcherFunc {
	registration := managed[:min(1, len(managed))]
	spelled := slices.Concat(endpoints, registration)
	likeEndpoint, likeRegistration, likeManaged := variantsOf(endpoints), variantsOf(registration), variantsOf(managed)
	var words []string // each variant contains one of them
	for _, p := range slices.Concat(endpoints, managed) {
		words = append(words, firstWord.FindString(strings.ToLower(path.Base(p))))
	}
	return func(r *http.Request, _ *mux.RouteMatch) bool {
		escaped, _ := proxy.TargetPath(r)
		if !containsWord(escaped, words) || slices.Contains(spelled, proxy.NormalizePath(escaped)) || managesClient(r, managed) {
			return false
		}
		variants, complete := pathVariants(escaped)
		variants = append(variants, withoutPrefixes(variants, r.Header)...)
		registers := r.Method != http.MethodGet && r.Method != http.MethodHead
		return !complete || slices.ContainsFunc(variants, func(v string) bool {
			return slices.Contains(likeEndpoint, v) || registers && slices.Contains(likeRegistration, v) ||
				proxy.HasToken(r) && slices.Contains(likeManaged, path.Dir(v))
		})
	}
}

func variantsOf(paths []string) (all []string) {
	for _, p := range paths {
		variants, _ := pathVariants(p)
		all = append(all, variants...)
	}
	return all
}

// firstWord is what no step removes from the last segment of an endpoint's path.
var firstWord = regexp.MustCompile(`^[a-z0-9_-]*`)

const maxDecodings = 4 // more than two servers in a row and a router behind them decode

// containsWord reports whether a path can be a variant. Most paths cost only this.
func containsWord(escaped string, words []string) bool {
	for range maxDecodings {
		text := strings.ToLower(printableASCII(escaped))
		if slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) }) {
			return true
		}
		decoded := decodeOnce(escaped)
		if decoded == escaped {
			break
		}
		escaped = decoded
	}
	return false
}

// withoutPrefixes returns what is left of paths without the prefixes in the header, which
// WSGI applications cut off. A trusted proxy may pass on what the client wrote there.
func withoutPrefixes(paths []string, h http.Header) (rests []string) {
	for _, prefix := range slices.Concat(h["X-Script-Name"], h["X-Forwarded-Prefix"]) {
		for _, p := range paths {
			if rest, ok := strings.CutPrefix(p, strings.ToLower(strings.TrimRight(prefix, "/"))); ok {
				rests = append(rests, strings.TrimRight("/"+strings.TrimLeft(rest, "/"), "/"))
			}
		}
	}
	return rests
}
