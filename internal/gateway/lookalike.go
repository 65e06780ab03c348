package gateway

import (
	"encoding/hex"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

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

var firstWord = regexp.MustCompile(`^[a-z0-9_-]*`) // of the last segment; no step removes it

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

// The limits of the variants of one path. Paths that programs make have few.
const (
	maxVariants     = 64
	maxVariantBytes = 16 << 10
)

const script = `(?i:/[^/]+\.(?:php|phtml|f?cgi|pl|py|rb|lua|aspx?|ashx|jspx?|do|dll)[0-9]*)`

// steps are what servers in wide use do to a path before they route it, in any order.
var steps = []func(string) string{
	decodeOnce,
	printableASCII,
	// Windows, and URL parsers that follow the WHATWG URL standard.
	replace(`\\`, "/"),
	// Servlet containers: path parameters begin at a semicolon.
	replace(`;[^/]*`, ""),
	// Servers that look for the query, the fragment or a NUL after decoding; Fastify, where
	// a semicolon begins the query; Ruby, whose ^ and $ match at every line.
	replace(`(?s)[?#;\x00\n].*`, ""),
	replace(`^[^\n]*\n`, ""),
	replace(`//+`, "/"),
	withoutDotSegments,
	// URL parsers that get the path as a URL: two slashes begin an authority.
	replace(`^//+[^/]*`, ""),
	// PHP and CGI: the script routes what follows its name, which may be another script, or
	// a front controller routes the whole path if there is no such script.
	replace(script+`(/[^/]*)`, "$1"),
	replace(`(?s)(`+script+`)/.*`, "$1"),
	// Rails and Spring: an extension is the format of the response.
	replace(`(/[^/.][^/]*)\.[^/.]*/*$`, "$1"),
	// ASP.NET: sessions without cookies.
	replace(`/\((?:[A-Za-z]\([^()/]*\))+\)/`, "/"),
	withoutTrailers,
}

func replace(pattern, by string) func(string) string {
	re := regexp.MustCompile(pattern)
	return func(p string) string { return re.ReplaceAllString(p, by) }
}

// pathVariants returns the paths that servers could route a path as, in lower case and
// without slashes at the end. It reports false if there are too many.
func pathVariants(escaped string) (variants []string, complete bool) {
	found, size := []string{escaped}, len(escaped)
	complete = true
	for i := 0; i < len(found) && complete; i++ {
		variants = append(variants, strings.ToLower(strings.TrimRight(found[i], "/")))
		for _, step := range steps {
			if variant := step(found[i]); !slices.Contains(found, variant) {
				found = append(found, variant)
				size += len(variant)
			}
		}
		complete = len(found) <= maxVariants && size <= maxVariantBytes
	}
	return variants, complete
}

var escape = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

func decodeOnce(p string) string {
	if !strings.Contains(p, "%") {
		return p // as most paths
	}
	return escape.ReplaceAllStringFunc(p, func(e string) string {
		decoded, _ := hex.DecodeString(e[1:])
		return string(decoded)
	})
}

var ascii = asciiReplacer()

// asciiReplacer replaces characters by the ASCII characters that they fold to, and overlong
// UTF-8, which RFC 3629 section 3 forbids, by the ASCII character that it encodes.
func asciiReplacer() *strings.Replacer {
	pairs := []string{"\u212a", "k", "\u017f", "s", "\u0130", "i", "\u0131", "i"}
	for c := range byte(utf8.RuneSelf) {
		first, last := c>>6, 0x80|c&0x3f
		for _, overlong := range [][]byte{{0xc0 | first, last}, {0xe0, 0x80 | first, last}, {0xf0, 0x80, 0x80 | first, last}} {
			pairs = append(pairs, string(overlong), string(c))
		}
		if '!' <= c && c <= '~' {
			pairs = append(pairs, string('\uff01'-'!'+rune(c)), string(c)) // full width
		}
	}
	return strings.NewReplacer(pairs...)
}

// printableASCII returns a path without control characters, other scripts and invalid UTF-8.
func printableASCII(p string) string {
	if strings.ContainsFunc(p, func(c rune) bool { return c > '~' }) {
		p = ascii.Replace(p)
	}
	return strings.Map(func(c rune) rune {
		if c <= ' ' || c > '~' {
			return -1
		}
		return c
	}, p)
}

// withoutDotSegments resolves dot segments (RFC 3986 section 5.2.4). Empty segments count.
func withoutDotSegments(p string) string {
	var out []string
	for segment := range strings.SplitAfterSeq(p, "/") {
		switch strings.TrimSuffix(segment, "/") {
		case "..":
			out = out[:max(min(len(out), 1), len(out)-1)]
		case ".":
		default:
			out = append(out, segment)
		}
	}
	return strings.Join(out, "")
}

// withoutTrailers removes spaces, dots and plus signs at the ends of segments, as Windows does
// with spaces and dots, and others that decode a plus sign to a space.
func withoutTrailers(p string) string {
	segments := strings.Split(p, "/")
	for i, s := range segments {
		if strings.Trim(s, ".") != "" {
			segments[i] = strings.TrimRight(strings.TrimLeft(s, " +"), " .+")
		}
	}
	return strings.Join(segments, "/")
}
