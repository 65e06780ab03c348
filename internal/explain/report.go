package explain

import (
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/printable"
	"oauthgw/proxy"
)

// metadataEndpoint is the name of the metadata locations in the log.
const metadataEndpoint = "metadata"

// decodings describe how HTTP Basic credentials were decoded.
var decodings = map[clientauth.Reading]string{
	clientauth.ReadingPlain:     "the credentials have no percent sign and no plus, and are the same form-encoded or not",
	clientauth.ReadingForm:      "the credentials were form-decoded, as the configuration says",
	clientauth.ReadingRaw:       "the credentials were used as they are, because no form encoder could have made them or the configuration says so",
	clientauth.ReadingAmbiguous: "the credentials were form-decoded but could be unencoded; set basic_decoding for the client if it is rejected",
}

// report describes the result. It shows only values that are known not to be secrets, in
// printable ASCII.
func (x *result) report() string {
	var b strings.Builder
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-19s %s\n", name, printable.ASCII(value))
		}
	}
	row("endpoint", x.attrs["endpoint"])
	row("content length", x.remark)
	row("auth method", x.authMethod())
	row("client id", x.attrs["client_id"])
	if d := x.attrs["basic_decoding"]; d != "" {
		row("basic decoding", d+": "+decodings[clientauth.Reading(d)])
	}
	row("outcome", x.outcome())
	if !x.forwarded() && x.attrs["endpoint"] != metadataEndpoint {
		var response struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}
		_ = json.Unmarshal(x.response.body.Bytes(), &response) // it may be no JSON
		row("status", strconv.Itoa(x.response.status))
		row("error", response.Error)
		row("error_description", response.Description)
	}
	b.WriteString("\nthe provider receives\n")
	for _, line := range x.received() {
		b.WriteString(strings.TrimRight("  "+line, " ") + "\n")
	}
	return b.String()
}

func (x *result) authMethod() string {
	if m := x.attrs["auth_method"]; m != "unknown" {
		return m
	}
	return "unknown: the request was refused before client authentication"
}

// forwarded reports whether the request was sent to the provider. For metadata the gateway
// sends its own requests.
func (x *result) forwarded() bool {
	return x.upstream.request != nil && x.attrs["endpoint"] != metadataEndpoint
}

func (x *result) outcome() string {
	outcome, tolerated := x.attrs["outcome"], x.attrs["conflict_tolerated"]
	switch {
	case x.attrs["endpoint"] == metadataEndpoint:
		return "answered with the metadata of the provider, which is not fetched here"
	case x.attrs["endpoint"] == proxy.Passthrough:
		return "forwarded unchanged, because path and method belong to no endpoint"
	case x.forwarded() && tolerated != "":
		return "forwarded; without client_auth.conflict: report it would be refused: " + tolerated
	case x.forwarded():
		return "forwarded"
	case outcome != "":
		return "refused: " + outcome
	}
	return "answered by the gateway"
}

// received returns the lines of the request that the provider receives.
func (x *result) received() []string {
	if !x.forwarded() {
		return []string{"nothing"}
	}
	r := x.upstream.request
	lines := []string{
		printable.ASCII(r.Method) + " " + printable.ASCII(r.URL.EscapedPath()) + redactQuery(r.URL.RawQuery),
		"Host: " + printable.ASCII(r.Host),
	}
	lines = append(lines, redactHeader(r.Header)...)
	if len(x.upstream.body) > 0 {
		lines = append(append(lines, ""), redactBody(r.Header, x.upstream.body)...)
	}
	return lines
}

// redactHeader returns the lines of a header. The length of the body is omitted, because it
// reveals that of the secrets.
func redactHeader(h http.Header) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			if value != "" && name != "Content-Length" && name != "Transfer-Encoding" {
				lines = append(lines, printable.ASCII(name)+": "+printable.ASCII(redactField(name, value)))
			}
		}
	}
	return lines
}

// redactBody returns the lines of a body. Only forms are shown.
func redactBody(h http.Header, body []byte) []string {
	mediaType, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return []string{redacted}
	}
	form, err := clientauth.ParseForm(string(body))
	if err != nil {
		return []string{redacted}
	}
	return redactForm(form, printable.ASCII)
}

// redactQuery returns a query with the question mark in front of it.
func redactQuery(query string) string {
	if query == "" {
		return ""
	}
	form, err := clientauth.ParseForm(query)
	if err != nil {
		return "?" + redacted
	}
	return "?" + strings.Join(redactForm(form, url.QueryEscape), "&")
}

// redactForm returns the parameters of a form, with the values that are shown escaped.
func redactForm(form *clientauth.Form, escape func(string) string) []string {
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
