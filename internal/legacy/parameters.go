package legacy

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxBody is the largest body that is read, in bytes. A larger one counts as
// unparsable.
const maxBody = 1 << 20

// readParameters reads the parameters of a POST, the query's and the body's
// merged, and lets them be observed. The client_id is reported apart because
// the original looks for it before it judges the rest, and looks differently:
// a form that does not parse has none, unless the query has it.
func (p *Provider) readParameters(w http.ResponseWriter, r *http.Request) (clientID string, form url.Values, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	r.Body = io.NopCloser(bytes.NewReader(body))
	p.config.Observe(Observation{
		Path:          r.URL.Path,
		Authorization: r.Header.Values("Authorization") != nil,
		Parameters:    parameterNames(r, string(body)),
	})
	// Parsed even after a failed read, for the query.
	err = errors.Join(err, r.ParseForm())
	clientID = r.URL.Query().Get("client_id")
	if clientID == "" && err == nil {
		clientID = r.Form.Get("client_id")
	}
	return clientID, r.Form, err
}

// parameterNames returns the names in the query and, if it is a form, in the
// body, in their order.
func parameterNames(r *http.Request, body string) []string {
	encoded := r.URL.RawQuery
	mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if mediaType == "application/x-www-form-urlencoded" {
		encoded += "&" + body
	}
	names := []string{}
	for piece := range strings.SplitSeq(encoded, "&") {
		if piece == "" {
			continue
		}
		name, _, found := strings.Cut(piece, "=")
		name, err := url.QueryUnescape(name)
		if !found || err != nil {
			name = ""
		}
		names = append(names, name)
	}
	return names
}

// checkTokenParameters judges the parameters of a token request by their
// presence. Faults are reported in the order of the original: a repeated
// parameter is reported as missing where a missing one would be.
func checkTokenParameters(form url.Values) *refusal {
	required := map[string][]string{
		"authorization_code": {"code", "client_id", "client_secret"},
		"refresh_token":      {"refresh_token"},
	}[form.Get("grant_type")]
	if required == nil || len(form["grant_type"]) > 1 {
		return badGrantType
	}
	for _, name := range []string{"code", "client_id", "client_secret"} {
		absent := form.Get(name) == "" && slices.Contains(required, name)
		if absent || len(form[name]) > 1 {
			return missingParameter(name)
		}
	}
	for name, values := range form {
		if !knownTokenParameter(name) || len(values) > 1 {
			return malformed
		}
	}
	if slices.ContainsFunc(required, func(name string) bool { return form.Get(name) == "" }) {
		return malformed
	}
	return checkResource(form.Get("resource"))
}

// knownTokenParameter reports whether the name is one of the token endpoint's.
// Any other is refused, although RFC 6749 section 3.2 wants unknown parameters
// ignored.
func knownTokenParameter(name string) bool {
	switch name {
	case "grant_type", "client_id", "client_secret", "code", "redirect_uri",
		"refresh_token", "code_verifier", "resource", "scope":
		return true
	}
	return false
}

// maxResource is the longest resource indicator, in bytes, because it is kept.
const maxResource = 2048

// checkResource judges the form of a resource indicator: an absolute URI
// without a fragment (RFC 8707 section 2), or none.
func checkResource(resource string) *refusal {
	if resource == "" {
		return nil
	}
	u, err := url.Parse(resource)
	if err != nil || u.Scheme == "" || strings.Contains(resource, "#") || len(resource) > maxResource {
		return malformed
	}
	return nil
}
