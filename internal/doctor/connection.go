package doctor

import (
	"crypto/tls"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"oauthgw/internal/printable"
)

// soon is how long before its end a certificate has to be renewed.
const soon = 14 * 24 * time.Hour

// judgeConnection judges whether clients reach the server, and who else could
// listen.
func judgeConnection(o observation) []Finding {
	var found []Finding
	say := func(s Severity, what, do string) { found = append(found, Finding{s, "connection", what, do}) }
	if isPlain(o.url) {
		say(Problem, "The URL is plain http on another host, where secrets and tokens can be read and which strict clients refuse (RFC 8414 section 2).",
			"Put TLS before the server, and let clients begin at the https URL.")
	}
	first := o.locations[0].reply
	switch untrusted := (*tls.CertificateVerificationError)(nil); {
	case errors.As(first.err, &untrusted):
		say(Problem, "The certificate is not trusted: "+printable.Quote(untrusted.Err.Error())+". Clients refuse to connect; nothing else was asked.",
			"Serve the whole chain of a certificate for this name. If clients trust an authority of their own, name it with --ca-file.")
	case !o.reached():
		say(Problem, "The server cannot be reached: "+printable.Quote(first.err.Error())+". Nothing else was asked.",
			"Start it, or correct the URL.")
	case first.certificate != nil && first.certificate.NotAfter.Sub(o.now) < soon:
		say(Warning, "The certificate ends on "+first.certificate.NotAfter.UTC().Format(time.DateOnly)+", after which clients refuse to connect.", "Renew it.")
	}
	return found
}

// judgeCaching judges how long clients may keep the metadata (RFC 9111 section
// 5.2.2).
func judgeCaching(o observation) []Finding {
	used, ok := o.used()
	if !ok {
		return nil
	}
	if used.reply.header.Get("Cache-Control") == "" {
		return []Finding{{Note, used.path, "The document has no Cache-Control, so whoever keeps it guesses for how long.", "Say it with max-age; oauthgw does."}}
	}
	if age := maxAge(used.reply.header); age > 24*time.Hour {
		return []Finding{{Warning, used.path, "The document may be kept for " + strconv.Itoa(int(age.Hours())) + " hours, so clients learn late that an endpoint or a method has changed.", "Allow a day at most."}}
	}
	return nil
}

func maxAge(h http.Header) time.Duration {
	for directive := range strings.SplitSeq(strings.Join(h["Cache-Control"], ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if !strings.EqualFold(name, "max-age") {
			continue
		}
		if seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
			return time.Duration(seconds) * time.Second
		}
	}
	return 0
}

// judgeOtherOrigins judges whether pages of other origins are let in (the CORS
// protocol of the Fetch standard). A server may let in some that are not known
// here.
func judgeOtherOrigins(o observation) []Finding {
	var closed []string
	if _, ok := o.used(); ok && o.shared.err == nil && !letsIn(o.shared) {
		closed = append(closed, "read the metadata")
	}
	if o.preflight != nil && o.preflight.err == nil && !letsIn(*o.preflight) {
		closed = append(closed, "send a token request")
	}
	if len(closed) == 0 {
		return nil
	}
	return []Finding{{Note, "other origins", "A page of an origin that the server does not know cannot " + strings.Join(closed, " or ") + " (CORS).",
		"Nothing, where no client runs in a browser. Otherwise list its origin; in oauthgw with cors.allowed_origins."}}
}

func letsIn(r reply) bool {
	allowed := r.header.Get("Access-Control-Allow-Origin")
	return r.status < 300 && (allowed == "*" || allowed == foreignPage)
}
