package main

import (
	"regexp"
	"slices"
	"strings"
)

// maxReadings and maxReadingBytes bound the readings of one path, because each costs
// time. Paths that programs make have a few.
const (
	maxReadings     = 64
	maxReadingBytes = 16 << 10
)

// maxDecodings bounds how often an escape is decoded. Servers do it once, two in a
// row twice, and a router behind them once more.
const maxDecodings = 4

// step is something that servers do to the path of a request before they look it up.
type step struct {
	needs string // a path without this stays as it is
	apply func(string) string
}

// steps are what at least one server in wide use does. Servers do them in any order.
var steps = []step{
	{"%", decodedOnce},
	{"", printableASCII},
	// Windows, and URL parsers that follow the WHATWG URL standard.
	{`\`, func(p string) string { return strings.ReplaceAll(p, `\`, "/") }},
	// Servlet containers: a segment ends where its parameters begin.
	{";", withoutParameters},
	// Servers that look for the query, the fragment or a NUL after decoding, Fastify,
	// for which a semicolon begins the query, and Ruby, in whose patterns ^ and $ match
	// at every line.
	{"", func(p string) string { return p[:max(0, strings.IndexAny(p+"?", "?#;\x00\n"))] }},
	{"\n", func(p string) string { return p[strings.IndexByte(p, '\n')+1:] }},
	{"//", mergedSlashes},
	{"/.", withoutDotSegments},
	// URL parsers that are given the path as a URL: two slashes begin an authority.
	{"//", func(p string) string { return authority.ReplaceAllString(p, "") }},
	// PHP and CGI: what follows the name of a script is for the script to route, and
	// where there is no such script its front controller routes the whole.
	{".", withoutScripts},
	{".", upToScript},
	// Rails and Spring: an extension names the format of the response.
	{".", withoutExtension},
	// ASP.NET: sessions without cookies.
	{"/(", func(p string) string { return session.ReplaceAllString(p, "/") }},
	{"", withoutTrailers},
}

var (
	authority = regexp.MustCompile(`^//+[^/]*`)
	session   = regexp.MustCompile(`/\((?:[A-Za-z]\([^()/]*\))+\)/`)
)

// pathReadings returns the paths that servers could look up for a path. It reports
// false where they are more, or longer, than are looked at.
func pathReadings(escaped string) (found []string, complete bool) {
	found = []string{escaped}
	size := len(escaped)
	for i := 0; i < len(found); i++ {
		for _, s := range steps {
			if !strings.Contains(found[i], s.needs) {
				continue
			}
			reading := s.apply(found[i])
			if slices.Contains(found, reading) {
				continue
			}
			size += len(reading)
			if len(found) == maxReadings || size > maxReadingBytes {
				return found, false
			}
			found = append(found, reading)
		}
	}
	return found, true
}

// withoutDotSegments resolves dot segments as RFC 3986 section 5.2.4 does: two
// slashes have an empty segment between them.
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

// withoutTrailers leaves out the spaces, dots and plus signs at the ends of segments,
// as Windows does with spaces and dots, and those who take a plus sign for a space.
func withoutTrailers(p string) string {
	segments := strings.Split(p, "/")
	for i, s := range segments {
		if strings.Trim(s, ".") != "" {
			segments[i] = strings.TrimRight(strings.TrimLeft(s, " +"), " .+")
		}
	}
	return strings.Join(segments, "/")
}

// withoutParameters leaves out what follows a semicolon in each segment.
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

// mergedSlashes makes one slash of several in a row.
func mergedSlashes(p string) string {
	out := make([]byte, 0, len(p))
	for i := range len(p) {
		if p[i] != '/' || i == 0 || p[i-1] != '/' {
			out = append(out, p[i])
		}
	}
	return string(out)
}

// withoutExtension leaves out the extension of the last segment, and the slashes
// behind it.
func withoutExtension(p string) string {
	trimmed := strings.TrimRight(p, "/")
	begin := strings.LastIndexByte(trimmed, '/') + 1
	if dot := strings.LastIndexByte(trimmed, '.'); begin > 0 && dot > begin && trimmed[begin] != '.' {
		return trimmed[:dot]
	}
	return p
}

// withoutScripts leaves out the segments that name scripts, save one behind another,
// which the first may route.
func withoutScripts(p string) string {
	all := strings.Split(p, "/")
	out := all[:1:1]
	left := false // the segment before was left out
	for i, segment := range all[1:] {
		if left = !left && i < len(all)-2 && isScript(segment); !left {
			out = append(out, segment)
		}
	}
	return strings.Join(out, "/")
}

// upToScript leaves out what follows the first segment that names a script.
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

// isScript reports whether a segment is the name of a script. Most are not, so what it
// costs matters.
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
