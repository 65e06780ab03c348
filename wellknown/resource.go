package wellknown

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
)

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

// isPage reports whether a response may be a page, or a redirect to one: not to the metadata of a
// resource.
func isPage(resp *http.Response) bool {
	to, err := resp.Location()
	if err != nil || resp.StatusCode < 300 || resp.StatusCode >= 400 {
		return resp.StatusCode == http.StatusOK
	}
	_, name := parseLocation(to.Path)
	return name != resourceLocation
}
