// Package doctor examines an authorization server from outside and reports what makes clients fail.
//
// [Examine] requests the metadata at each location where clients look (RFC 8414 section
// 3.1) and that of the protected resource (RFC 9728 section 3). At the token and the
// revocation endpoint it authenticates as a client that does not exist, by HTTP Basic and
// in the form (RFC 6749 section 2.3.1), and at the token endpoint by an assertion (RFC 7523) if the
// metadata lists that. Checks turn what it observed into findings.
package doctor

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"oauthgw/internal/origin"
	"oauthgw/internal/printable"
	"oauthgw/wellknown"
)

// Config configures an examination.
type Config struct {
	URL     string           // where clients start: the issuer, byte for byte, or the origin
	MCPURL  wellknown.MCPURL // for which agents log in
	Follow  bool             // also test endpoints that the metadata names at other origins
	Roots   *x509.CertPool   // verify the server's certificate; nil: the system's
	Timeout time.Duration    // of each request; zero: 10 seconds
}

// Report is the result of an examination.
type Report struct {
	URL      string                `json:"url"`             // the examined one
	Findings wellknown.Findings    `json:"findings"`        // the most severe first; never nil
	Tested   []Tested              `json:"tested"`          // the requests that were sent, each once
	Agents   wellknown.AgentReport `json:"agents,omitzero"` // zero: not asked for
}

// Tested is a request that was sent. The server may have chosen its URL, so that is
// printable, shortened, and has no user information.
type Tested struct {
	Method string `json:"method"`
	URL    string `json:"url"`
}

// Count returns the number of findings with a severity.
func (r Report) Count(s wellknown.Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// String returns a line for each tested URL, a paragraph for each finding, and the counts.
func (r Report) String() string {
	var text strings.Builder
	for _, t := range r.Tested {
		fmt.Fprintf(&text, "tested: %s %s\n", t.Method, t.URL)
	}
	text.WriteByte('\n')
	for _, f := range r.Findings {
		fmt.Fprintf(&text, "%s: %s: %s\n  → %s\n\n", f.Severity, f.Subject, f.Problem, f.Fix)
	}
	if r.Agents.Entry != "" {
		text.WriteString(r.Agents.Entry + "\n")
	}
	fmt.Fprintf(&text, "problems: %d, warnings: %d, notes: %d\n",
		r.Count(wellknown.Problem), r.Count(wellknown.Warning), r.Count(wellknown.Note))
	return text.String()
}

// Examine examines the authorization server at a URL. It sends at most 14 requests and no real
// credentials, and follows up to three redirects of a location to itself, with or without a slash. A
// server that cannot be reached is a finding. The error is that of an invalid URL, or of ctx.
func Examine(ctx context.Context, c Config) (Report, error) {
	start, err := parseURL(c.URL)
	if err != nil {
		return Report{}, err
	}
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	client := &client{config: c, start: start, id: "oauthgw-doctor-" + strings.ToLower(rand.Text()), secret: rand.Text(), transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,     // as most clients do
		TLSClientConfig:        &tls.Config{RootCAs: c.Roots}, // #nosec G402 -- Go's default minimum is TLS 1.2
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}}
	defer client.transport.CloseIdleConnections()
	o := client.probe(ctx)
	if err := ctx.Err(); err != nil {
		return Report{}, err
	}
	return Report{URL: c.URL, Findings: check(o), Tested: client.tested, Agents: o.agents}, nil
}

// parseURL parses an issuer, which has no query and no fragment (RFC 8414 section 2).
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("the URL must be an http or https URL, such as https://login.example.com")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("the URL must be an issuer or an origin, without user, query and fragment")
	case strings.ContainsFunc(u.Path, func(r rune) bool { return !printable.IsPrint(r) }):
		return nil, errors.New("the URL must not hold characters that cannot be printed")
	}
	return u, nil
}

// check returns the findings, the most severe first and each once.
func check(o observation) wellknown.Findings {
	var all wellknown.Findings
	checkConnection(&all, o)
	if o.reached() {
		checkEndpoints(&all, o)
		checkLocations(&all, o)
		checkDocuments(&all, o)
		checkAlgorithms(&all, o)
		checkResource(&all, o)
		checkCaching(&all, o)
		checkCORS(&all, o)
		all = append(all, o.agents.Findings...)
	}
	found := wellknown.Findings{}
	for _, severity := range []wellknown.Severity{wellknown.Problem, wellknown.Warning, wellknown.Note} {
		for _, f := range all {
			if f.Severity == severity && !slices.Contains(found, f) {
				found = append(found, f)
			}
		}
	}
	return found
}

const renewalTime = 14 * 24 * time.Hour // before the end of a certificate

func checkConnection(found *wellknown.Findings, o observation) {
	const subject = "connection"
	found.AddIf(!origin.IsConfidential(o.start), wellknown.Problem, subject,
		"The URL is plain http on another host, where secrets and tokens can be read and which strict clients reject (RFC 8414 section 2).",
		"Terminate TLS in front of the server, and let clients start at the https URL.")
	switch first := o.locations[0]; {
	case !o.reached():
		found.Add(wellknown.Problem, subject, "The server cannot be reached: "+printable.Quote(first.err.Error())+". Nothing else was tested.",
			"Start it, or correct the URL. If its certificate is not trusted, serve the whole chain of one for this name, or name the private authority that clients trust with --ca-file.")
	case first.certificate != nil && time.Until(first.certificate.NotAfter) < renewalTime:
		found.Add(wellknown.Warning, subject, "The certificate ends on "+first.certificate.NotAfter.UTC().Format(time.DateOnly)+", after which clients refuse to connect.", "Renew it.")
	}
}
