package wellknown

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"time"

	"oauthgw/internal/printable"
)

// Resource is a protected resource whose metadata the provider may lack (RFC 9728).
type Resource struct {
	Path   string   `yaml:"path"`             // at the public origin, without escapes
	Scopes []string `yaml:"scopes_supported"` // empty: not listed
}

// Location returns the path of the metadata of the resource (RFC 9728 section 3.1).
func (r Resource) Location() string { return path.Clean(resourceLocation + r.Path) }

var errUnknownIssuer = &Diagnosis{Problem: "the issuer, which the metadata of a resource names, is unknown", Fix: "set upstream.issuer in oauthgw"}

// generated returns the generated metadata of the configured resources (RFC 9728 section 2), by
// location. It is nil as long as the issuer is unknown.
func (s *Source) generated(issuer string) map[string]*document {
	all, m := map[string]*document{}, s.urlMap(issuer)
	server, _ := m.Move(issuer)
	for _, r := range s.config.Resources {
		all[r.Location()] = nil
		if issuer != "" && m.To != nil {
			md := Metadata{}.with(memberResource, m.To.String()+r.Path).with(memberServers, []string{server})
			if len(r.Scopes) > 0 {
				md = md.with(memberScopes, r.Scopes)
			}
			all[r.Location()] = &document{Metadata: md, text: md.Encode(), allowsAnyOrigin: true}
		}
	}
	return all
}

// generate returns the metadata of a configured resource if the provider answers without one.
func (h *Handler) generate(location string, err error) (entry, error) {
	d, configured := h.resources[location]
	_, diagnosed := errors.AsType[*Diagnosis](err)
	switch {
	case !configured || !diagnosed && !errors.Is(err, errNoDocument):
		return entry{}, err
	case d == nil:
		return entry{}, errUnknownIssuer
	}
	return entry{document: d, fetched: time.Now(), lifetime: h.config.Source.config.TTL}, nil
}

// lintResources returns the problems of the configured resources.
func (s *Source) lintResources(ctx context.Context, issuer string) (lines []string) {
	generated := s.generated(issuer)
	for _, r := range s.config.Resources {
		at := r.Location()
		if generated[at] == nil {
			return []string{"resources: " + errUnknownIssuer.Error() + ". Clients get 503 instead."}
		}
		if e, _, err := s.get(ctx, at, resourceLocation, false); err == nil {
			got, want := moveResource(e.document.Metadata, s.urlMap(issuer)).Text(memberResource), generated[at].Text(memberResource)
			if got != want {
				lines = append(lines, printable.Text(fmt.Sprintf("%s: The provider's own document names the resource %s. Clients that use %s reject it, because the two must be equal (RFC 9728 section 3.3). "+
					"Correct the document or remove it at the provider, or correct public_url or the path in resources.", at, printable.Quote(got), printable.Quote(want))))
			}
		}
	}
	return lines
}

// CheckResources returns a transport that answers 404 where the metadata of a protected
// resource (RFC 9728 section 3.2) is not a JSON object: some providers answer every path with a
// page or with a redirect to one, and clients do not look further then.
func CheckResources(next http.RoundTripper) http.RoundTripper { return resourceChecker{next} }

type resourceChecker struct{ next http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (c resourceChecker) RoundTrip(req *http.Request) (*http.Response, error) {
	if _, name := parseLocation(req.URL.Path); name != resourceLocation || req.Method != http.MethodGet {
		return c.next.RoundTrip(req)
	}
	req = req.Clone(req.Context())
	req.Header.Set("Accept-Encoding", "identity") // browsers accept codings that are not decoded here
	resp, err := c.next.RoundTrip(req)
	if err != nil || !isPage(resp) {
		return resp, err
	}
	r := Reply{Requested: req.URL, Status: resp.StatusCode, Header: resp.Header}
	defer resp.Body.Close()
	if r.Body, err = io.ReadAll(io.LimitReader(resp.Body, MaxDocument+1)); err != nil {
		return nil, err
	}
	if _, _, err := r.Object(); err != nil {
		e := errorResponse(errNoDocument)
		r.Body, _ = json.Marshal(e) // constants
		resp.StatusCode, resp.ContentLength = e.Status, int64(len(r.Body))
		resp.Header = http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}, "Content-Length": {strconv.Itoa(len(r.Body))}}
	}
	resp.Body = io.NopCloser(bytes.NewReader(r.Body))
	return resp, nil
}

// isPage reports whether a response may be a page, or a redirect elsewhere than to metadata.
func isPage(resp *http.Response) bool {
	to, err := resp.Location()
	if err != nil || resp.StatusCode < 300 || resp.StatusCode >= 400 {
		return resp.StatusCode == http.StatusOK
	}
	_, name := parseLocation(to.Path)
	return name != resourceLocation
}
