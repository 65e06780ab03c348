package doctor

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"

	"oauthgw/internal/jsonobject"
	"oauthgw/internal/printable"
	"oauthgw/wellknown"
)

// location is a path at which clients look for metadata, and what is there.
type location struct {
	path   string
	root   bool // the origin's, where clients begin at a path
	reply  reply
	object jsonobject.Object
	fault  error // why the reply holds no document
}

// errNoDocument says that the reply does not claim to be a document.
var errNoDocument = errors.New("there is no document")

// read puts what came back into a location.
func read(l location, r reply) location {
	l.reply = r
	switch {
	case r.err != nil:
		l.fault = r.err
	case r.status != http.StatusOK:
		l.fault = errNoDocument
	default:
		l.object, l.fault = jsonobject.Parse(r.body)
	}
	return l
}

func (l location) holds() bool { return l.fault == nil }

// metadata is the document as that of an authorization server.
func (l location) metadata() wellknown.Metadata { return wellknown.Metadata{Object: l.object} }

// lacksOpenID returns what OpenID Connect Discovery section 3 requires and a
// document lacks that is where that standard puts its own.
func (l location) lacksOpenID() []string {
	var lacks []string
	if !strings.Contains(l.path, "/.well-known/openid-configuration") {
		return nil
	}
	for _, m := range []string{"jwks_uri", "subject_types_supported", "id_token_signing_alg_values_supported"} {
		if l.object.Get(m) == nil {
			lacks = append(lacks, m)
		}
	}
	return lacks
}

// judgeLocations judges what is at each place where clients look. What is wrong
// at a place matters less where a document comes before it: few clients go on.
func judgeLocations(o observation) []Finding {
	var found []Finding
	severity := Problem
	for _, l := range o.locations {
		if l.holds() {
			found = append(found, judgeDocumentAt(l, severity)...)
			severity = Warning
		} else {
			found = append(found, judgeNoDocumentAt(l, severity)...)
		}
	}
	if len(o.own()) > 0 {
		return found
	}
	f := Finding{Problem, "metadata", "There is no metadata at any location of " + printable.Quote(o.url) + ", so clients find no endpoint, and none was asked.",
		"Let the locations of RFC 8414 section 3.1 lead to the provider, or give clients the URL that its metadata names as issuer."}
	if l, ok := o.used(); ok {
		f.What = "There is no metadata at the locations of " + printable.Quote(o.url) + ", only at those of its origin. Few clients look there."
		f.Do = "Let clients begin at " + printable.Quote(l.metadata().Issuer()) + ", whose metadata is at " + l.path + "."
	}
	return append(found, f)
}

// judgeNoDocumentAt judges what is where no document is. Status 404 makes
// clients try the next location, and is right.
func judgeNoDocumentAt(l location, severity Severity) []Finding {
	status, is404 := l.reply.status, "Answer with 404 where there is no document; oauthgw does."
	say := func(s Severity, do, format string, args ...any) []Finding {
		return []Finding{{s, l.path, fmt.Sprintf(format, args...), do}}
	}
	switch {
	case l.reply.err != nil:
		return say(severity, "Let it answer; oauthgw serves what it knows while the provider fails.", "It gives no whole answer (%s), at which clients give up.", printable.Quote(l.reply.err.Error()))
	case status >= 500 || status == http.StatusTooManyRequests:
		return say(severity, is404+" Where there is one, find out why the server fails.", "It is answered with status %d, at which clients give up. At 404 they try the next location.", status)
	case status >= 300 && status < 400:
		return say(severity, "Serve the document at the location itself, or answer with 404.", "It is answered with a redirect (status %d), which careful clients do not follow.", status)
	case status == http.StatusNotFound:
		return nil
	case status != http.StatusOK:
		return say(Warning, is404, "It is answered with status %d, at which some clients give up. At 404 they try the next location.", status)
	case l.reply.header.Get("Content-Encoding") != "":
		return say(severity, "Obey Accept-Encoding (RFC 9110 section 12.5.3).", "The document is encoded (%s) although the request asked for none.", printable.Quote(l.reply.header.Get("Content-Encoding")))
	case errors.Is(l.fault, jsonobject.ErrRepeated):
		return say(severity, "Name each member once.", "The document holds a member twice, and clients differ in which one they take (RFC 8259 section 4).")
	case errors.Is(l.fault, jsonobject.ErrNotObject):
		return say(severity, is404, "It is answered with status 200 and something that is no JSON object (Content-Type %s), which clients take for the document and fail.", printable.Quote(l.reply.header.Get("Content-Type")))
	}
	return say(severity, "Serve one JSON object.", "The document cannot be read: %s.", l.fault)
}

// judgeDocumentAt judges a document for the place where it is.
func judgeDocumentAt(l location, severity Severity) []Finding {
	var found []Finding
	say := func(s Severity, what, do string) { found = append(found, Finding{s, l.path, what, do}) }
	if lacks := l.lacksOpenID(); len(lacks) > 0 {
		say(severity, "The document is where OpenID Connect puts its own but lacks "+strings.Join(lacks, ", ")+". Clients that look here fail on it; at 404 they would try the next location.",
			"Answer with 404 here, which oauthgw does, or add the members.")
	}
	field := l.reply.header.Get("Content-Type")
	mediaType, _, _ := mime.ParseMediaType(field)
	switch {
	case mediaType != "application/json":
		say(severity, "The document has the Content-Type "+printable.Quote(field)+", with which many clients take it for no document (RFC 8414 section 3.2).", "Serve it as application/json; oauthgw takes it for no document as well.")
	case field != mediaType:
		say(Note, "The document has the Content-Type "+printable.Quote(field)+". Some clients compare it with application/json as a whole.", "Serve it as application/json without parameters; oauthgw does.")
	}
	return found
}
