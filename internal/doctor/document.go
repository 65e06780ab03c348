package doctor

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
	"oauthgw/internal/printable"
)

// judgeDocuments judges what the documents say of the server.
func judgeDocuments(o observation) []Finding {
	documents := o.own()
	if used, ok := o.used(); ok && len(documents) == 0 {
		documents = []location{used}
	}
	var found []Finding
	for _, l := range documents {
		found = append(found, judgeResponseIssuer(o, l)...)
		found = append(found, judgeRequired(l)...)
		found = append(found, judgePKCE(l)...)
		found = append(found, judgeMembers(l)...)
		found = append(found, judgeURLs(o, l)...)
	}
	return found
}

// texts returns a member that is a list of strings, and whether it is there.
func (l location) texts(name string) (list []string, ok bool) {
	err := json.Unmarshal(l.object.Get(name), &list)
	return list, err == nil && list != nil
}

// isInteractive reports whether users log in here: whether a grant is listed
// that begins at the authorization endpoint. An absent list means that (RFC
// 8414 section 2).
func (l location) isInteractive() bool {
	grants, listed := l.texts("grant_types_supported")
	return !listed || slices.Contains(grants, "authorization_code") || slices.Contains(grants, "implicit")
}

// judgeRequired looks for what clients cannot do without (RFC 8414 section 2).
func judgeRequired(l location) []Finding {
	required := []string{"response_types_supported", member(clientauth.Token)}
	if l.isInteractive() {
		required = append(required, "authorization_endpoint")
	}
	var found []Finding
	for _, m := range required {
		if l.object.Get(m) == nil {
			found = append(found, Finding{Problem, "metadata", "It lacks " + m + ", without which clients refuse it (RFC 8414 section 2).",
				"Add it at the provider, or with metadata.patch in oauthgw."})
		}
	}
	return found
}

// judgePKCE looks for the one method that clients use (RFC 7636 section 4.2).
func judgePKCE(l location) []Finding {
	const m = "code_challenge_methods_supported"
	methods, listed := l.texts(m)
	f := Finding{Warning, "metadata", "It has no " + m + ", which means that there is no PKCE (RFC 8414 section 2), and strict MCP clients refuse to log in.",
		"If the provider checks PKCE with S256, list it, at the provider or with metadata.patch in oauthgw."}
	switch {
	case slices.Contains(methods, "S256") || !l.isInteractive():
		return nil
	case listed:
		f.Severity, f.What = Problem, "It does not list S256 in "+m+", and clients that use PKCE refuse to log in (RFC 7636 section 4.2)."
	}
	return []Finding{f}
}

// judgeMembers judges members that mislead.
func judgeMembers(l location) []Finding {
	var found []Finding
	if l.object.Get("signed_metadata") != nil {
		found = append(found, Finding{Note, "metadata", "It holds signed_metadata, whose values take precedence over the others (RFC 8414 section 2.1): nothing between the provider and its clients can correct them.",
			"Nothing, if the signed values are right. Where oauthgw changes a list, it leaves the signed values out."})
	}
	var empty []string
	for _, m := range l.object.Members() {
		var list []any
		if json.Unmarshal(m.Value, &list) == nil && list != nil && len(list) == 0 {
			empty = append(empty, m.Name)
		}
	}
	if len(empty) > 0 {
		found = append(found, Finding{Warning, "metadata", "It holds lists without elements: " + quoteAll(empty) + ". Such a member has to be left out (RFC 8414 section 3.2); some clients refuse it, others take it for no support at all.",
			"Leave them out at the provider, or with metadata.patch in oauthgw."})
	}
	methods, _ := l.texts(methodsMember(clientauth.Token))
	if slices.Contains(methods, "none") && l.object.Get(member(clientauth.Registration)) != nil {
		found = append(found, Finding{Note, "metadata", "It lists the method none beside registration, so some clients register without a secret, or drop the one they get.",
			"If clients are meant to hold a secret, take none out of " + methodsMember(clientauth.Token) + "."})
	}
	return found
}

// judgeURLs judges where the document sends clients.
func judgeURLs(o observation, l location) []Finding {
	var found []Finding
	var plain, unusable []string
	away := map[string][]string{}
	for _, m := range l.object.Members() {
		if m.Name != "jwks_uri" && !strings.HasSuffix(m.Name, "_endpoint") {
			continue
		}
		at := l.object.Text(m.Name)
		switch u := origin.Of(at); {
		case u == nil:
			unusable = append(unusable, m.Name)
		case isPlain(at):
			plain = append(plain, m.Name)
		case !origin.Same(u, o.begin):
			away[u.String()] = append(away[u.String()], m.Name)
		}
	}
	if len(unusable) > 0 {
		found = append(found, Finding{Problem, "metadata", "These are no absolute http or https URLs, and no client can use them: " + quoteAll(unusable) + ".", "Correct them at the provider."})
	}
	if len(plain) > 0 {
		found = append(found, Finding{Problem, "metadata", "These are plain http on another host, where secrets and tokens can be read and which strict clients refuse (RFC 6749 sections 3.1 and 3.2): " + quoteAll(plain) + ".",
			"Put TLS before them, and name the https URLs."})
	}
	return append(found, judgeAway(o, away)...)
}

// judgeAway judges URLs at other origins, which some providers mean and which
// go around whatever stands at the URL given.
func judgeAway(o observation, away map[string][]string) []Finding {
	var found []Finding
	for _, at := range sortedKeys(away) {
		severity := Note
		if slices.ContainsFunc(clientauth.Endpoints(), func(name clientauth.Endpoint) bool { return slices.Contains(away[at], member(name)) }) {
			severity = Warning
		}
		found = append(found, Finding{severity, "metadata", fmt.Sprintf("These are at %s and not at %s: %s. Clients that follow them go around whatever stands at the URL given.", printable.Quote(at), o.at(""), quoteAll(away[at])),
			"If oauthgw stands at the URL given, let that name lead to it as well, or set metadata.issuer: rewrite. If the provider means it so, nothing."})
	}
	return found
}
