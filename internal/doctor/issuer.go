package doctor

import (
	"fmt"
	"slices"
	"strings"

	"oauthgw/internal/origin"
	"oauthgw/internal/printable"
)

// judgeIssuers judges the identifiers in the documents, which clients compare
// with where they began, octet by octet (RFC 8414 section 3.3).
func judgeIssuers(o observation) []Finding {
	var found []Finding
	issuers, places := byIssuer(o.own())
	for _, issuer := range issuers {
		if issuer != o.url {
			found = append(found, foreignIssuer(o, issuer, strings.Join(places[issuer], ", ")))
		}
	}
	if len(issuers) > 1 {
		found = append(found, Finding{Problem, "issuer", "The locations name different issuers: " + quoteAll(issuers) + ". Which of them a client meets depends on where it looks first.",
			"Let every location name the same issuer."})
	}
	return append(found, rootIssuers(o)...)
}

// byIssuer returns the issuers in the order in which clients meet them, and the
// paths at which each is named.
func byIssuer(locations []location) ([]string, map[string][]string) {
	var issuers []string
	places := map[string][]string{}
	for _, l := range locations {
		issuer := l.metadata().Issuer()
		if !slices.Contains(issuers, issuer) {
			issuers = append(issuers, issuer)
		}
		places[issuer] = append(places[issuer], l.path)
	}
	return issuers, places
}

// foreignIssuer says what is wrong with an issuer that is not the URL given.
func foreignIssuer(o observation, issuer, places string) Finding {
	f := Finding{Severity: Problem, Subject: "issuer"}
	switch {
	case issuer == "":
		f.What = fmt.Sprintf("The document at %s names no issuer, without which clients refuse it (RFC 8414 section 2).", places)
		f.Do = "Name the issuer: the URL at which clients begin."
	case strings.TrimRight(issuer, "/") == strings.TrimRight(o.url, "/"):
		f.What = fmt.Sprintf("The issuer at %s is %s and the URL given is %s: only a slash at the end differs, and still they are two servers to clients, which compare octets (RFC 8414 section 3.3).", places, printable.Quote(issuer), printable.Quote(o.url))
		f.Do = "If clients are given the URL as the issuer is written, this is no problem: examine that one. Otherwise correct the one or the other."
	default:
		f.What = fmt.Sprintf("Clients that begin at %s find the issuer %s at %s and refuse it, because the two must be equal (RFC 8414 section 3.3).", printable.Quote(o.url), printable.Quote(issuer), places)
		f.Do = "Let clients begin at the issuer, configure the URL as the provider's own, or set metadata.issuer: rewrite in oauthgw."
	}
	return f
}

// rootIssuers judges the documents at the origin of a URL with a path, to which
// some clients fall back. They may be those of the origin itself.
func rootIssuers(o observation) []Finding {
	var found []Finding
	for _, l := range o.locations {
		issuer := l.metadata().Issuer()
		if !l.holds() || !l.root || issuer == o.url || strings.TrimRight(issuer, "/") == o.at("") {
			continue
		}
		found = append(found, Finding{Warning, l.path, "Clients that find nothing better ask here, and find the issuer " + printable.Quote(issuer) + ", which is neither the URL given nor its origin.",
			"Answer with 404 here, or serve the metadata of the origin."})
	}
	return found
}

// judgeResponseIssuer judges the promise that authorization responses name the
// issuer (RFC 9207 section 3).
func judgeResponseIssuer(o observation, l location) []Finding {
	if string(l.object.Get("authorization_response_iss_parameter_supported")) != "true" || l.metadata().Issuer() == o.url {
		return nil
	}
	return []Finding{{Warning, "issuer", "Authorization responses name their issuer (RFC 9207), " + printable.Quote(l.metadata().Issuer()) + " by the metadata. Clients compare it with the URL at which they began and refuse the login where it differs, even if the metadata is corrected.",
		"Let clients begin at the issuer, or configure the URL as the provider's own."}}
}

// isPlain reports whether a URL is plain http to another host.
func isPlain(text string) bool {
	u := origin.Of(text)
	return u != nil && !origin.IsConfidential(u)
}
