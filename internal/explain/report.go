package explain

import (
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/printable"
	"oauthgw/proxy"
)

var decodings = map[clientauth.Reading]string{
	clientauth.ReadingPlain:     "the credentials have no percent sign and no plus, and are the same form-encoded or not",
	clientauth.ReadingForm:      "the credentials were form-decoded, as the configuration says",
	clientauth.ReadingRaw:       "the credentials were used as they are, because no form encoder could have made them or the configuration says so",
	clientauth.ReadingAmbiguous: "the credentials were form-decoded but could be unencoded; set basic_decoding for the client if it is rejected",
}

// report describes the result: only values that are known not to be secrets, in printable ASCII.
func (x *result) report() string {
	var b strings.Builder
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-19s %s\n", name, printable.ASCII(value))
		}
	}
	row("endpoint", x.log["endpoint"])
	method := x.log["auth_method"]
	if method == "unknown" {
		method += ": the request was refused before client authentication"
	}
	row("auth method", method)
	row("client id", x.log["client_id"])
	row("client", x.log["client"])
	row("alias", x.log["alias"])
	row("secret", x.secret())
	x.reportAssertion(row)
	if d := clientauth.Reading(x.log["basic_decoding"]); d != "" {
		row("basic decoding", string(d)+": "+decodings[d])
	}
	row("repairs", x.log["repairs"])
	row("response repairs", x.responseRepairs())
	row("outcome", x.outcome())
	received := "  nothing\n"
	switch {
	case x.keysUnknown():
		received = "  nothing, or the request with the secret of the client\n"
	case x.upstream.request != nil:
		received = x.upstream.report(x.settings.Rules)
	case x.refused():
		code, description := x.refusal()
		row("redirect uri", redactURL(x.log["redirect_uri"]))
		row("status", x.log["status"])
		row("error", code)
		row("error_description", description)
	}
	return b.String() + "\nthe provider receives\n" + received
}

// secret says whether the secret of a client is lent. Empty: no such client, or a refusal.
func (x *result) secret() string {
	id := x.log["client_id"] // missing at the authorization endpoint
	for _, c := range x.settings.Clients.All() {
		switch isNamed := c.ID == id || slices.Contains(c.Aliases, id); {
		case !c.Public && len(c.Issuers) == 0, !isNamed, x.upstream.request == nil:
		case x.log["client"] != "":
			return "lent, from " + c.SecretFile
		default:
			return "not lent; it is lent at the token, revocation and pushed authorization request endpoints, for a client_id in the form and no credentials"
		}
	}
	return ""
}

// refusal returns the error of the response, which is JSON or a page.
func (x *result) refusal() (code, description string) {
	var refusal struct {
		Error       string
		Description string `json:"error_description"`
	}
	if json.Unmarshal(x.body, &refusal) == nil {
		return refusal.Error, refusal.Description
	}
	code, description, _ = strings.Cut(strings.TrimPrefix(string(x.body), "Login refused: "), "\n\n")
	return code, strings.TrimSuffix(description, "\n")
}

// responseRepairs returns the names of the configured repairs of responses at the endpoint.
func (x *result) responseRepairs() string {
	var names []string
	if !slices.Contains(clientauth.Endpoints(), clientauth.Endpoint(x.log["endpoint"])) {
		return ""
	}
	for key, value := range reflect.ValueOf(x.settings.Repair.Replies).Fields() {
		if !value.IsZero() {
			names = append(names, "replies."+key.Tag.Get("yaml"))
		}
	}
	return strings.Join(names, ",")
}

// refused reports whether the gateway refuses the request. Fetching metadata fails here.
func (x *result) refused() bool {
	fails := x.log["status"] >= "4" && x.log["endpoint"] != "metadata"
	return x.upstream.request == nil && (fails || x.log["outcome"] == "preflight_refused")
}

func (x *result) outcome() string {
	switch {
	case x.keysUnknown():
		return "not judged: the keys at the jwks_uri of this client are not fetched here"
	case x.log["outcome"] == "redirect_uris":
		return "refused: redirect_uris, unless the provider registers clients; its metadata is not fetched here"
	case x.refused():
		return "refused: " + x.log["outcome"]
	case x.log["endpoint"] == "metadata":
		return "answered with the metadata of the provider, which is not fetched here"
	case x.upstream.request == nil:
		return "answered by the gateway: " + x.log["outcome"]
	case x.log["endpoint"] == proxy.Passthrough:
		return "forwarded unchanged, because path and method belong to no endpoint"
	case x.log["endpoint"] == string(clientauth.Authorization) && x.log["client"] != "":
		return "forwarded, with the client_id at the provider"
	case x.log["conflict_tolerated"] != "":
		return "forwarded; without client_auth.conflict: report it would be refused: " + x.log["conflict_tolerated"]
	}
	return "forwarded"
}

// report describes the request without the length of its body, which reveals that of secrets.
func (t *transport) report(rules *clientauth.Rules) string {
	r := t.request
	query := ""
	if r.URL.RawQuery != "" {
		query = "?" + strings.Join(redactForm(rules, r.URL.RawQuery, url.QueryEscape), "&")
	}
	lines := []string{printable.ASCII(r.Method+" "+r.URL.EscapedPath()) + query, printable.ASCII("Host: " + r.Host)}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			if value != "" && name != "Content-Length" {
				lines = append(lines, printable.ASCII(name+": "+redactField(name, value)))
			}
		}
	}
	report := "  " + strings.Join(lines, "\n  ") + "\n"
	if len(t.body) == 0 {
		return report
	}
	body := []string{redacted} // unless it is a form
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "application/x-www-form-urlencoded" {
		body = redactForm(rules, string(t.body), printable.ASCII)
	}
	return report + "\n  " + strings.Join(body, "\n  ") + "\n"
}

// redactForm returns the parameters of a form, with the values that are shown escaped.
func redactForm(rules *clientauth.Rules, text string, escape func(string) string) []string {
	form, err := rules.ParseForm(text)
	if err != nil {
		return []string{redacted}
	}
	var lines []string
	for name, value := range form.All() {
		name, text := redactParameter(name, value)
		if text != redacted {
			text = escape(text)
		}
		lines = append(lines, name+"="+text)
	}
	return lines
}
