package doctor

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
	"oauthgw/internal/origin"
	"oauthgw/internal/printable"
)

const maxBody = 256 << 10 // bytes of a response

var errElsewhere = errors.New("it is at another origin") // so the request was not sent

type response struct {
	status      int
	header      http.Header
	body        []byte
	certificate *x509.Certificate // the server's own; nil without TLS
	err         error
}

// client sends requests, each once. Its ID and secret, which no provider knows, are the
// same in every decoding of HTTP Basic credentials (RFC 6749 section 2.3.1).
type client struct {
	config     Config
	start      *url.URL // the only origin that gets requests beside the MCP server, unless Follow is set
	transport  *http.Transport
	tested     []Tested
	id, secret string
	assertion  string // made for one server; empty: not needed
}

func (c *client) record(method string, u url.URL) {
	u.User = nil
	quoted := printable.Quote(u.String())
	if t := (Tested{method, quoted[1 : len(quoted)-1]}); !slices.Contains(c.tested, t) {
		c.tested = append(c.tested, t)
	}
}

// do sends a request. It refuses other origins unless Follow is set: a document must
// not choose where this host sends requests. It follows no redirect.
func (c *client) do(ctx context.Context, method, at string, header http.Header, body string) response {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, at, strings.NewReader(body))
	switch {
	case err != nil:
		return response{err: err}
	case !c.config.Follow && !origin.Same(req.URL, c.start) && !origin.Same(req.URL, &c.config.MCPURL.URL):
		return response{err: errElsewhere}
	}
	c.record(method, *req.URL)
	req.Header = http.Header{"User-Agent": {"oauthgw-doctor"}, "Accept": {"application/json"}, "Accept-Encoding": {"identity"}}
	maps.Copy(req.Header, header)
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return response{err: c.plainError(err)}
	}
	defer resp.Body.Close()
	r := response{status: resp.StatusCode, header: resp.Header}
	if resp.TLS != nil {
		r.certificate = resp.TLS.PeerCertificates[0]
	}
	r.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		r.err = c.plainError(err)
	case len(r.body) > maxBody:
		r.err = errors.New("its body is larger than 256 KiB")
	}
	return r
}

// plainError replaces the context errors of a timeout.
func (c *client) plainError(err error) error {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return fmt.Errorf("there was no response within %s", c.config.Timeout)
	}
	return err
}

func (c *client) pair() string {
	return base64.StdEncoding.EncodeToString([]byte(c.id + ":" + c.secret))
}

// authenticate requests tokens for a code (RFC 6749 section 4.1.3) or revokes a token
// (RFC 7009 section 2.1). Neither exists.
func (c *client) authenticate(ctx context.Context, m clientauth.Method, name clientauth.Endpoint, at string) answer {
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {"oauthgw-doctor"}, "redirect_uri": {foreignPage}}
	if name == clientauth.Revocation {
		form = url.Values{"token": {"oauthgw-doctor"}}
	}
	switch m {
	case clientauth.Basic:
		header.Set("Authorization", "Basic "+c.pair())
	case clientauth.PrivateKeyJWT:
		form.Set(clientauth.ParameterClientID, c.id)
		form.Set(clientauth.ParameterClientAssertionType, "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set(clientauth.ParameterClientAssertion, c.assertion)
	default:
		form.Set(clientauth.ParameterClientID, c.id)
		form.Set(clientauth.ParameterClientSecret, c.secret)
	}
	return c.parse(m, c.do(ctx, http.MethodPost, at, header, form.Encode()))
}

const byteOrderMark = "\ufeff" // must not be in front of JSON (RFC 8259 section 8.1)

// parse parses a response, JSON or a form, without the credentials, which some servers repeat.
func (c *client) parse(m clientauth.Method, r response) answer {
	text := strings.TrimSpace(strings.TrimPrefix(string(r.body), byteOrderMark))
	o, err := jsonobject.Parse([]byte(text))
	read := o.Text
	form, invalid := url.ParseQuery(text)
	isForm := err != nil && invalid == nil && form.Get("error") != "" && !strings.ContainsAny(text, "<{ ")
	if isForm {
		read = form.Get
	}
	hide := strings.NewReplacer(c.pair(), "…", cmp.Or(c.assertion, c.secret), "…", c.secret, "…", c.id, "…")
	return answer{r, m, isForm, hide.Replace(read("error")), hide.Replace(read("error_description"))}
}

type answer struct {
	response
	method            clientauth.Method
	form              bool   // the error is a form
	code, description string // RFC 6749 section 5.2
}

// String describes the response with the server's words.
func (a answer) String() string {
	s := fmt.Sprintf("status %d", a.status)
	for _, words := range []string{a.code, a.description} {
		if words != "" {
			s += " " + printable.Quote(words)
		}
	}
	return s
}

// missesClient reports whether the error says that the request names no client, as
// "Missing client_id parameter" does. An unknown client is another error.
func (a answer) missesClient() bool {
	words := strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(a.description))
	if !strings.Contains(words, "clientid") && !strings.Contains(words, "clientcredentials") {
		return false
	}
	return slices.ContainsFunc([]string{"missing", "required", "noclientid", "empty", "absent", "notprovided", "notpresent", "notspecified"},
		func(word string) bool { return strings.Contains(words, word) })
}
