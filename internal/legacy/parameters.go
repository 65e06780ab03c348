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

const (
	// maxBody is the maximum size of a body in bytes. A larger one cannot be parsed.
	maxBody = 1 << 20
	// maxResource is the maximum length of a resource indicator in bytes.
	maxResource = 2048
)

// readParameters reads the parameters of the query and the body, and calls Observe. Like the
// original, it finds the client_id of the query even if the form cannot be parsed.
func (p *Provider) readParameters(w http.ResponseWriter, r *http.Request) (clientID string, form url.Values, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	r.Body = io.NopCloser(bytes.NewReader(body))
	p.config.Observe(Observation{
		Path:          r.URL.Path,
		Authorization: r.Header.Values("Authorization") != nil,
		Parameters:    parameterNames(r, string(body)),
	})
	err = errors.Join(err, r.ParseForm()) // even after a failed read, for the query
	clientID = r.URL.Query().Get("client_id")
	if clientID == "" && err == nil {
		clientID = r.Form.Get("client_id")
	}
	return clientID, r.Form, err
}

// parameterNames returns the names in the query and, if it is a form, in the body.
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

// tokenParameters are the parameters of the token endpoint. It rejects any other, although RFC
// 6749 section 3.2 requires that unknown ones be ignored.
var tokenParameters = []string{"grant_type", "client_id", "client_secret", "code", "redirect_uri",
	"refresh_token", "code_verifier", "resource", "scope"}

// checkTokenParameters checks which parameters a token request has, in the order of the
// original: it reports a repeated parameter as missing if it reports a missing one.
func checkTokenParameters(form url.Values) *oauthError {
	required := map[string][]string{
		"authorization_code": {"code", "client_id", "client_secret"},
		"refresh_token":      {"refresh_token"},
	}[form.Get("grant_type")]
	if required == nil || len(form["grant_type"]) > 1 {
		return errGrantType
	}
	for _, name := range []string{"code", "client_id", "client_secret"} {
		absent := form.Get(name) == "" && slices.Contains(required, name)
		if absent || len(form[name]) > 1 {
			return errMissing(name)
		}
	}
	for name, values := range form {
		if !slices.Contains(tokenParameters, name) || len(values) > 1 {
			return errMalformed
		}
	}
	absent := slices.ContainsFunc(required, func(name string) bool { return form.Get(name) == "" })
	if absent || !validResource(form.Get("resource")) {
		return errMalformed
	}
	return nil
}

// validResource reports whether a resource indicator is empty or an absolute URI without a
// fragment (RFC 8707 section 2).
func validResource(resource string) bool {
	u, err := url.Parse(resource)
	return resource == "" || err == nil && u.Scheme != "" && !strings.Contains(resource, "#") && len(resource) <= maxResource
}
