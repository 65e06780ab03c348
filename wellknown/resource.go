package wellknown

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
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
	resp, err := c.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	r := Reply{Requested: req.URL, Public: &url.URL{Host: req.Host}, Status: resp.StatusCode, Header: resp.Header}
	switch path, _, _ := r.Redirect(); {
	case path == "" && resp.Header.Get("Location") != "" && resp.StatusCode >= 300 && resp.StatusCode < 400:
	case resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Range") != "":
		return resp, nil
	default:
		r.Body, err = io.ReadAll(io.LimitReader(resp.Body, MaxDocument+1))
		if err != nil {
			resp.Body.Close()
			return nil, err
		}
		if _, _, err := r.Object(); err == nil {
			resp.Body = readCloser{bytes.NewReader(r.Body), resp.Body}
			return resp, nil
		}
	}
	resp.Body.Close()
	return notFound(req), nil
}

// readCloser reads what was read before, and closes the body from which it was read.
type readCloser struct {
	io.Reader
	io.Closer
}

func notFound(req *http.Request) *http.Response {
	e := errorResponse(errNoDocument)
	text, _ := json.Marshal(e) // constants
	return &http.Response{
		Request: req, StatusCode: e.Status, ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(text)), Body: io.NopCloser(bytes.NewReader(text)),
		Header: http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}, "Content-Length": {strconv.Itoa(len(text))}},
	}
}
