package main

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

// metadataEndpoint names the metadata locations in the log.
const metadataEndpoint = "metadata"

// readings say of each reading of a Basic pair what it means.
var readings = map[clientauth.Reading]string{
	clientauth.ReadingPlain:     "the pair has no percent sign and no plus, and means the same form-encoded or as it is",
	clientauth.ReadingForm:      "the pair was form-decoded, as the configuration says",
	clientauth.ReadingRaw:       "the pair was taken as it is, because no form encoder could have made it or the configuration says so",
	clientauth.ReadingAmbiguous: "the pair was form-decoded but could be unencoded; pin the client if it is rejected",
}

// String tells of an exchange to people. Nothing that the client sent is in it
// unless it is known to be no secret, and all of it is printable ASCII.
func (x *observed) String() string {
	var b strings.Builder
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-19s %s\n", name, printable.ASCII(value))
		}
	}
	row("endpoint", x.line.Endpoint)
	row("content length", x.remark)
	row("client auth", x.clientAuth())
	row("client id", x.line.ClientID)
	if r := x.line.Reading; r != "" {
		row("basic reading", r+": "+readings[clientauth.Reading(r)])
	}
	row("outcome", x.outcome())
	if !x.forwarded() && x.line.Endpoint != metadataEndpoint {
		var refusal struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
		}
		_ = json.Unmarshal(x.answer.body.Bytes(), &refusal) // another body has no such members
		row("status", strconv.Itoa(x.answer.status))
		row("error", refusal.Error)
		row("error_description", refusal.Description)
	}
	b.WriteString("\nthe provider receives\n")
	for _, line := range x.received() {
		b.WriteString(strings.TrimRight("  "+line, " ") + "\n")
	}
	return b.String()
}

func (x *observed) clientAuth() string {
	if x.line.ClientAuth == "unknown" {
		return "unknown: the request was refused before it was looked for"
	}
	return x.line.ClientAuth
}

// forwarded reports whether the request went on. For metadata the provider is
// asked with a request of the gateway's own, if at all.
func (x *observed) forwarded() bool {
	return x.provider.request != nil && x.line.Endpoint != metadataEndpoint
}

func (x *observed) outcome() string {
	switch {
	case x.line.Endpoint == metadataEndpoint:
		return "answered with the provider's metadata, which is not asked for here"
	case x.line.Endpoint == proxy.Passthrough:
		return "forwarded as it is, because path and method are no endpoint's"
	case x.forwarded() && x.line.Tolerated != "":
		return "forwarded; without client_auth.conflict: report it would be refused: " + x.line.Tolerated
	case x.forwarded():
		return "forwarded"
	case x.line.Outcome != "":
		return "refused: " + x.line.Outcome
	}
	return "answered by the gateway"
}

// received returns what the provider receives, in lines.
func (x *observed) received() []string {
	if !x.forwarded() {
		return []string{"nothing"}
	}
	r := x.provider.request
	lines := []string{
		printable.ASCII(r.Method) + " " + printable.ASCII(r.URL.EscapedPath()) + shownQuery(r.URL.RawQuery),
		"Host: " + printable.ASCII(r.Host),
	}
	lines = append(lines, shownFields(r.Header)...)
	if len(x.provider.body) > 0 {
		lines = append(append(lines, ""), shownBody(r.Header, x.provider.body)...)
	}
	return lines
}

// shownFields returns the header as it is sent: without the fields that
// describe the message, whose length would tell that of the secrets.
func shownFields(h http.Header) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			if value != "" && name != "Content-Length" && name != "Transfer-Encoding" {
				lines = append(lines, printable.ASCII(name)+": "+printable.ASCII(shownField(name, value)))
			}
		}
	}
	return lines
}

// shownBody returns a body, of which only a form is opened.
func shownBody(h http.Header, body []byte) []string {
	mediaType, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return []string{redacted}
	}
	form, err := clientauth.ParseForm(string(body))
	if err != nil {
		return []string{redacted}
	}
	return shownParameters(form, printable.ASCII)
}

// shownQuery returns a query with the question mark before it.
func shownQuery(query string) string {
	if query == "" {
		return ""
	}
	form, err := clientauth.ParseForm(query)
	if err != nil {
		return "?" + redacted
	}
	return "?" + strings.Join(shownParameters(form, url.QueryEscape), "&")
}

// shownParameters returns the parameters of a form, each value that is no secret
// written as told.
func shownParameters(form *clientauth.Form, write func(string) string) []string {
	var shown []string
	for name, value := range form.All() {
		name, text := shownParameter(name, value)
		if text != redacted {
			text = write(text)
		}
		shown = append(shown, name+"="+text)
	}
	return shown
}
