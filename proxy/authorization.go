package proxy

import (
	"io"
	"log/slog"
	"net/http"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/responserecorder"
)

// repair returns an authorization request (RFC 6749 section 3.1) for the provider, and records
// what was repaired. If there is a body that has not arrived yet, or that servers could read
// differently, the query stays as well.
func (p passthrough) repair(r *http.Request, recorder *responserecorder.Recorder) *http.Request {
	hasForm := r.Method == http.MethodPost && r.ContentLength != 0
	if p.Requests.IsZero() || hasForm && (isUpload(r) || !isPlainForm(r.Header)) {
		return r
	}
	var sent []byte
	if hasForm {
		sent, _ = io.ReadAll(r.Body) // from memory
	}
	query, form, repairs := p.Requests.Apply(clientauth.Authorization, r.URL.RawQuery, string(sent), hasForm)
	out := r.Clone(r.Context())
	out.URL.RawQuery = query
	if hasForm {
		out.Body, out.ContentLength = io.NopCloser(strings.NewReader(form)), int64(len(form))
	}
	for _, name := range repairs {
		p.Metrics.Repaired(p.Endpoint, name)
	}
	if len(repairs) > 0 {
		recorder.Attrs = append(recorder.Attrs, slog.String("repairs", strings.Join(repairs, ",")))
		dropDigests(out.Header)
	}
	return out
}

// isPlainForm reports whether every server reads a body as a form in UTF-8.
func isPlainForm(h http.Header) bool {
	kind, err := kindOf(h)
	mediaType, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return err == nil && kind == bodyForm && strings.EqualFold(strings.TrimSpace(mediaType), formMediaType)
}
