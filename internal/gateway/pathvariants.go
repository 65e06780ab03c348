package gateway

import (
	"regexp"
	"slices"
	"strings"
)

// maxVariants and maxVariantBytes limit the variants of one path, because each costs time.
// Paths that programs make have few.
const (
	maxVariants     = 64
	maxVariantBytes = 16 << 10
)

// maxDecodings limits how often an escape is decoded. A server decodes once, two servers in
// a row twice, and a router behind them once more.
const maxDecodings = 4

// step is something that a server does to the path of a request before it routes it.
type step struct {
	needs string // a path without this text does not change
	apply func(string) string
}

// steps are what at least one server in wide use does, in any order.
var steps = []step{
	{"%", decodeOnce},
	{"", printableASCII},
	// Windows, and URL parsers that follow the WHATWG URL standard.
	{`\`, func(p string) string { return strings.ReplaceAll(p, `\`, "/") }},
	// Servlet containers: path parameters begin at a semicolon.
	{";", withoutParameters},
	// Servers that look for the query, the fragment or a NUL after decoding; Fastify, where
	// a semicolon begins the query; Ruby, whose ^ and $ match at every line.
	{"", func(p string) string { return p[:max(0, strings.IndexAny(p+"?", "?#;\x00\n"))] }},
	{"\n", func(p string) string { return p[strings.IndexByte(p, '\n')+1:] }},
	{"//", mergedSlashes},
	{"/.", withoutDotSegments},
	// URL parsers that get the path as a URL: two slashes begin an authority.
	{"//", func(p string) string { return authority.ReplaceAllString(p, "") }},
	// PHP and CGI: the script routes what follows its name, or a front controller routes
	// the whole path if there is no such script.
	{".", withoutScripts},
	{".", upToScript},
	// Rails and Spring: an extension is the format of the response.
	{".", withoutExtension},
	// ASP.NET: sessions without cookies.
	{"/(", func(p string) string { return session.ReplaceAllString(p, "/") }},
	{"", withoutTrailers},
}

var (
	authority = regexp.MustCompile(`^//+[^/]*`)
	session   = regexp.MustCompile(`/\((?:[A-Za-z]\([^()/]*\))+\)/`)
)

// pathVariants returns the paths that servers could route a path as. It reports false if
// there are too many.
func pathVariants(escaped string) (found []string, complete bool) {
	found = []string{escaped}
	size := len(escaped)
	for i := 0; i < len(found); i++ {
		for _, s := range steps {
			if !strings.Contains(found[i], s.needs) {
				continue
			}
			variant := s.apply(found[i])
			if slices.Contains(found, variant) {
				continue
			}
			size += len(variant)
			if len(found) == maxVariants || size > maxVariantBytes {
				return found, false
			}
			found = append(found, variant)
		}
	}
	return found, true
}

// withoutDotSegments resolves dot segments (RFC 3986 section 5.2.4). Between two slashes
// there is an empty segment.
func withoutDotSegments(p string) string {
	if !strings.Contains(p, "/.") {
		return p
	}
	var out []string
	all := strings.Split(p, "/")
	for i, segment := range all {
		switch segment {
		case "..":
			if len(out) > 1 {
				out = out[:len(out)-1]
			}
		case ".":
		default:
			out = append(out, segment)
			continue
		}
		if i == len(all)-1 {
			out = append(out, "")
		}
	}
	return strings.Join(out, "/")
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

// withoutParameters removes what follows a semicolon in each segment.
func withoutParameters(p string) string {
	out := make([]byte, 0, len(p))
	within := false
	for i := range len(p) {
		within = p[i] == ';' || within && p[i] != '/'
		if !within {
			out = append(out, p[i])
		}
	}
	return string(out)
}

// mergedSlashes replaces repeated slashes by one.
func mergedSlashes(p string) string {
	out := make([]byte, 0, len(p))
	for i := range len(p) {
		if p[i] != '/' || i == 0 || p[i-1] != '/' {
			out = append(out, p[i])
		}
	}
	return string(out)
}

// withoutExtension removes the extension of the last segment, and the slashes after it.
func withoutExtension(p string) string {
	trimmed := strings.TrimRight(p, "/")
	begin := strings.LastIndexByte(trimmed, '/') + 1
	if dot := strings.LastIndexByte(trimmed, '.'); begin > 0 && dot > begin && trimmed[begin] != '.' {
		return trimmed[:dot]
	}
	return p
}

// withoutScripts removes the segments that name scripts, except one after another, which the
// first one may route.
func withoutScripts(p string) string {
	all := strings.Split(p, "/")
	out := all[:1:1]
	removed := false // the previous segment was removed
	for i, segment := range all[1:] {
		if removed = !removed && i < len(all)-2 && isScript(segment); !removed {
			out = append(out, segment)
		}
	}
	return strings.Join(out, "/")
}

// upToScript removes what follows the first segment that names a script.
func upToScript(p string) string {
	for begin := strings.IndexByte(p, '/') + 1; begin > 0; {
		end := strings.IndexByte(p[begin:], '/')
		if end < 0 {
			break
		}
		if isScript(p[begin : begin+end]) {
			return p[:begin+end]
		}
		begin += end + 1
	}
	return p
}

// isScript reports whether a segment names a script.
func isScript(segment string) bool {
	dot := strings.LastIndexByte(segment, '.')
	if dot < 1 || len(segment)-dot > len(".phtml") {
		return false
	}
	switch strings.TrimRight(strings.ToLower(segment[dot+1:]), "0123456789") {
	case "php", "phtml", "cgi", "fcgi", "pl", "py", "rb", "lua", "asp", "aspx", "ashx", "jsp", "jspx", "do", "dll":
		return true
	}
	return false
}
