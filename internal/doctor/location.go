package doctor

import (
	"errors"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"oauthgw/internal/printable"
	"oauthgw/wellknown"
)

// location is a path at which clients look for metadata, and what is there.
type location struct {
	path string
	root bool // one of the origin, where clients start at a path
	response
	wellknown.Metadata
	invalid       error    // why there is no document
	imperfections []string // of the document
}

func (l location) hasDocument() bool { return l.err == nil && l.invalid == nil }

// checkLocations checks each location. Few clients look further than the first document.
func checkLocations(found *wellknown.Findings, o observation) {
	severity := wellknown.Problem
	for _, l := range o.locations {
		if l.hasDocument() {
			checkDocumentAt(found, o, l, severity)
			severity = wellknown.Warning
		} else {
			checkNoDocumentAt(found, l, severity)
		}
	}
	l, ok := o.used()
	found.AddIf(ok && len(o.own()) == 0, wellknown.Problem, "metadata", "There is no metadata at the locations of "+printable.Quote(o.url)+", only at those of its origin. Few clients look there.",
		"Let clients start at "+printable.Quote(l.Issuer())+", whose metadata is at "+l.path+".")
	found.AddIf(!ok, wellknown.Problem, "metadata", "There is no metadata at any location of "+printable.Quote(o.url)+", so clients find no endpoint, and none was tested.",
		"Examine the URL that the metadata names as issuer, with its path, and let clients start there. If there is no metadata, set endpoints in oauthgw, and configure the URLs of the endpoints in clients.")
}

// checkNoDocumentAt checks that clients try the next location, as they do at 404.
func checkNoDocumentAt(found *wellknown.Findings, l location, severity wellknown.Severity) {
	d, _ := errors.AsType[*wellknown.Diagnosis](l.invalid)
	switch {
	case l.err != nil:
		found.Add(severity, l.path, "The response is incomplete ("+printable.Quote(l.err.Error())+"), at which clients give up.", "Let it answer; oauthgw serves cached metadata while the provider fails.")
	case d != nil && l.status != http.StatusNotFound:
		if l.status >= 400 && l.status < 500 && l.status != http.StatusTooManyRequests && l.status != http.StatusMisdirectedRequest {
			severity = wellknown.Warning // only some clients give up
		}
		problem, fix := d.Sentences()
		found.Add(severity, l.path, problem+" Some clients give up there; at 404 they try the next location.", fix+" Where there is no document, answer with 404. oauthgw does this for a page, and for an error if another location has the document.")
	}
}

func checkDocumentAt(found *wellknown.Findings, o observation, l location, severity wellknown.Severity) {
	missing := l.MissingOpenID()
	found.AddIf(len(missing) > 0 && strings.Contains(l.path, "/.well-known/openid-configuration"), severity, l.path,
		"The document is at an OpenID Connect location but lacks "+strings.Join(missing, ", ")+". Clients that look here fail; at 404 they try the next location.",
		"Add the members, or answer with 404 here; oauthgw does.")
	found.AddIf(l.imperfections != nil, wellknown.Warning, l.path, "Some clients reject the document, because it has "+strings.Join(l.imperfections, ", ")+".",
		"Correct it at the provider; oauthgw serves it correctly.")
	field := l.header.Get("Content-Type")
	mediaType, _, _ := mime.ParseMediaType(field)
	if mediaType == "application/json" {
		severity = wellknown.Note // few clients compare the parameters
	}
	found.AddIf(field != "application/json", severity, l.path, "The document has the Content-Type "+printable.Quote(field)+" and not application/json, so some clients ignore it (RFC 8414 section 3.2).",
		"Serve it as application/json without parameters; oauthgw does.")
	issuer := l.Issuer()
	found.AddIf(l.root && issuer != o.url && strings.TrimRight(issuer, "/") != o.at(""), wellknown.Warning, l.path,
		"Some clients fall back to this location, and find the issuer "+printable.Quote(issuer)+", which is neither the URL given nor its origin.",
		"Answer with 404 here, or serve the metadata of the origin.")
}

// checkDocuments checks the metadata by the rules of [wellknown.Metadata.Lint].
func checkDocuments(found *wellknown.Findings, o observation) {
	documents := o.own()
	for _, l := range documents {
		for _, f := range l.Lint(o.url) {
			if f.Subject == "issuer" { // locations may name different ones
				f.Subject += " at " + l.path
			}
			*found = append(*found, f)
		}
	}
	if used, ok := o.used(); ok && len(documents) == 0 {
		*found = append(*found, used.Lint(used.Issuer())...) // checkDocumentAt checks the issuer
	}
}

// longAge matches a Cache-Control of at least 100,000 seconds (RFC 9111 section 5.2.2.1).
var longAge = regexp.MustCompile(`(?i)(?:^|[ ,])max-age="?0*[1-9][0-9]{5}`)

func checkCaching(found *wellknown.Findings, o observation) {
	used, _ := o.used()
	field := strings.Join(used.header["Cache-Control"], ",")
	found.AddIf(used.header != nil && field == "", wellknown.Note, used.path, "The document has no Cache-Control, so caches guess how long it is fresh.", "Set max-age; oauthgw does.")
	found.AddIf(longAge.MatchString(field), wellknown.Warning, used.path, "The document may be cached for more than a day ("+printable.Quote(field)+"), so clients see late that an endpoint or a method has changed.", "Allow a day at most.")
}

func checkResource(found *wellknown.Findings, o observation) {
	l := o.resource
	if !l.hasDocument() {
		checkNoDocumentAt(found, l, wellknown.Warning)
		return
	}
	servers := l.Strings("authorization_servers")
	others := slices.DeleteFunc(slices.Clone(servers), func(s string) bool { return s == o.url })
	severity := wellknown.Problem
	if len(others) < len(servers) {
		severity = wellknown.Note // clients choose one
	}
	found.AddIf(len(others) > 0, severity, l.path, "The protected resource sends clients to "+printable.QuoteAll(others)+". The URL given is "+printable.Quote(o.url)+", and clients compare bytes (RFC 8414 section 3.3).",
		"Let it name the issuer at which clients start. If the URL given is that of the protected resource, examine the one that it names.")
}

// checkCORS checks whether a page of any origin is allowed, as no server need do (CORS).
func checkCORS(found *wellknown.Findings, o observation) {
	var denied []string
	for i, r := range []response{o.shared, o.preflight} {
		allowed := r.header.Get("Access-Control-Allow-Origin")
		if r.status != 0 && (r.status >= 300 || allowed != "*" && allowed != foreignPage) {
			denied = append(denied, []string{"read the metadata", "send a token request"}[i])
		}
	}
	found.AddIf(denied != nil, wellknown.Note, "other origins", "A page of an origin that the server does not know cannot "+strings.Join(denied, " or ")+" (CORS).",
		"Nothing, if no client runs in a browser. Otherwise list its origin; in oauthgw with cors.allowed_origins.")
}
