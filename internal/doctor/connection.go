package doctor

import (
	"crypto/tls"
	"errors"
	"strconv"
	"strings"
	"time"

	"oauthgw/internal/origin"
	"oauthgw/internal/printable"
	"oauthgw/wellknown"
)

// renewalTime is how long before its end a certificate should be renewed.
const renewalTime = 14 * 24 * time.Hour

// checkConnection checks whether clients reach the server, and securely.
func checkConnection(found *wellknown.Findings, o observation) {
	const subject = "connection"
	found.AddIf(!origin.IsConfidential(o.start), wellknown.Problem, subject,
		"The URL is plain http on another host, where secrets and tokens can be read and which strict clients reject (RFC 8414 section 2).",
		"Terminate TLS in front of the server, and let clients start at the https URL.")
	first := o.locations[0]
	switch untrusted := (*tls.CertificateVerificationError)(nil); {
	case errors.As(first.err, &untrusted):
		found.Add(wellknown.Problem, subject, "The certificate is not trusted: "+printable.Quote(untrusted.Err.Error())+". Clients refuse to connect. Nothing else was tested.",
			"Serve the whole chain of a certificate for this name. If clients trust a private authority, name it with --ca-file.")
	case !o.reached():
		found.Add(wellknown.Problem, subject, "The server cannot be reached: "+printable.Quote(first.err.Error())+". Nothing else was tested.", "Start it, or correct the URL.")
	case first.certificate != nil && time.Until(first.certificate.NotAfter) < renewalTime:
		found.Add(wellknown.Warning, subject, "The certificate ends on "+first.certificate.NotAfter.UTC().Format(time.DateOnly)+", after which clients refuse to connect.", "Renew it.")
	}
}

// checkCaching checks how long clients may cache the metadata (RFC 9111 section 5.2.2).
func checkCaching(found *wellknown.Findings, o observation) {
	used, ok := o.used()
	if !ok {
		return
	}
	found.AddIf(used.header.Get("Cache-Control") == "", wellknown.Note, used.path, "The document has no Cache-Control, so caches guess how long it is fresh.", "Set max-age; oauthgw does.")
	age, _ := wellknown.MaxAge(used.header)
	found.AddIf(age > 24*time.Hour, wellknown.Warning, used.path,
		"The document may be cached for "+strconv.Itoa(int(age.Hours()))+" hours, so clients see late that an endpoint or a method has changed.", "Allow a day at most.")
}

// checkCORS checks whether pages of other origins are allowed (the CORS protocol of the
// Fetch standard). The server may allow some that are not known here.
func checkCORS(found *wellknown.Findings, o observation) {
	var denied []string
	if deniesForeignPage(o.shared) {
		denied = append(denied, "read the metadata")
	}
	if deniesForeignPage(o.preflight) {
		denied = append(denied, "send a token request")
	}
	found.AddIf(denied != nil, wellknown.Note, "other origins", "A page of an origin that the server does not know cannot "+strings.Join(denied, " or ")+" (CORS).",
		"Nothing, if no client runs in a browser. Otherwise list its origin; in oauthgw with cors.allowed_origins.")
}

// deniesForeignPage reports whether a response to a foreign page denies it access.
func deniesForeignPage(r response) bool {
	allowed := r.header.Get("Access-Control-Allow-Origin")
	return r.err == nil && r.status != 0 && (r.status >= 300 || allowed != "*" && allowed != foreignPage)
}
