// Package doctor examines an authorization server from where its clients
// stand: given its URL, these are the things that will trip them, and what to
// do about them.
//
// [Examine] looks first and judges afterwards. It asks for the metadata at each
// place where clients look for it (RFC 8414 section 3.1), for the metadata of
// the protected resource (RFC 9728 section 3), and presents a client that does
// not exist at the token and the revocation endpoint, once by HTTP Basic and
// once in the form (RFC 6749 section 2.3.1). The judgements are functions from
// what was seen to findings, and need no network.
//
// Requests go to the origin of that URL only, whatever the metadata names, unless
// [Config.Follow] is set.
//
// A client that does not exist shows in most providers whether its credentials
// are read: not in one that answers invalid_client before it has looked for
// them, nor what a provider allows to single clients that do exist.
package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"net/url"
	"strings"
	"time"

	"oauthgw/internal/printable"
)

// defaultTimeout bounds one request.
const defaultTimeout = 10 * time.Second

// Config says what to examine.
type Config struct {
	// URL is where clients begin: the issuer, byte for byte as they are given
	// it (RFC 8414 section 3.3), or the origin. Required.
	URL string
	// Follow also tests endpoints at other origins that the metadata names.
	Follow bool
	// Roots are the certificates that vouch for the server. Nil: the system's.
	Roots *x509.CertPool
	// Timeout bounds each request. Zero: 10 seconds.
	Timeout time.Duration
}

// Report is what an examination found.
type Report struct {
	// URL is the one that was examined.
	URL string `json:"url"`
	// Findings are the most severe first. Never nil.
	Findings []Finding `json:"findings"`
	// Tested are the requests that were sent, each once, in their order.
	Tested []Tested `json:"tested"`
}

// Tested is a request that was sent.
type Tested struct {
	Method string `json:"method"`
	// URL is without user information, printable, and cut where it is long: the
	// server may have chosen it.
	URL string `json:"url"`
}

// Count returns how many findings have a severity.
func (r Report) Count(s Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}

// Examine examines the authorization server at a URL. It sends some fifteen
// requests at most, follows no redirect, and sends no real credentials. A server that cannot be reached is a finding; the error says that
// the URL is none to begin with, or that ctx ended.
func Examine(ctx context.Context, c Config) (Report, error) {
	begin, err := readURL(c.URL)
	if err != nil {
		return Report{}, err
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	a := newAsker(c, begin)
	defer a.transport.CloseIdleConnections()
	seen := a.observe(ctx, c.URL, begin)
	if err := ctx.Err(); err != nil {
		return Report{}, err
	}
	return Report{URL: c.URL, Findings: judge(seen), Tested: a.tested}, nil
}

// readURL reads the URL at which clients begin. An issuer has no query and no
// fragment (RFC 8414 section 2).
func readURL(text string) (*url.URL, error) {
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
