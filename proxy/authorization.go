package proxy

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/clients"
	"oauthgw/internal/responserecorder"
	"oauthgw/internal/trustedproxy"
)

// Authorization is what the authorization endpoint (RFC 6749 section 3.1) needs to judge requests.
type Authorization struct {
	Clients *clients.Table // whose requests are judged; nil: none
	Pushes  bool           // the provider takes pushed authorization requests (RFC 9126)
	// Elsewhere says that the path is another one, which some servers take for the endpoint's.
	// Requests of the clients are refused there.
	Elsewhere bool
	Only      bool // requests of other clients are refused
}

// authorizationForm is the body of an authorization request, read to its end.
type authorizationForm struct {
	*clientauth.Form        // nil: there is no body, or err says why it cannot be parsed
	body             []byte // as the client sent it
	err              error  // refuses a request only if the body could name a client of the table
}

// judge returns an authorization request for the provider. One for a client of the table is encoded
// as it was judged, with the ID at the provider. Others stay unchanged. Errors are error responses.
func (p passthrough) judge(w http.ResponseWriter, r *http.Request, recorder *responserecorder.Recorder, memory *share) (*http.Request, error) {
	table := p.Authorization.Clients
	form, err := p.readForm(w, r, memory)
	if err != nil {
		return r, err
	}
	if p.Authorization.Elsewhere && table.Mentions(r.RequestURI) {
		return r, ErrNotFound
	}
	query, malformed := clientauth.ParsePage(r.URL.RawQuery)
	if malformed = cmp.Or(malformed, form.err); malformed != nil {
		// A provider may read another client in it than the gateway.
		if table.Mentions(r.URL.RawQuery) || table.Mentions(string(form.body)) || isObscure(r.Header, form.body) {
			return r, malformed
		}
		return withBody(r, form.body), p.others()
	}
	judged, err := table.Judge(clients.AuthorizationRequest{Query: query, Form: form.Form, Post: r.Method == http.MethodPost, Pushes: p.Authorization.Pushes})
	recorder.Attrs = append(recorder.Attrs, attrsOf(judged, err, cmp.Or(query.Get("redirect_uri"), form.Get("redirect_uri")))...)
	switch {
	case err != nil:
		return r, err
	case judged == nil:
		return withBody(r, form.body), p.others()
	case p.Authorization.Elsewhere:
		return r, ErrNotFound
	case !isAuthorizationMethod(r.Method):
		return r, errAuthorizationMethod
	}
	out := r.Clone(r.Context())
	out.URL.RawQuery = judged.Query.Encode()
	dropDigests(out.Header)
	// A target or method from a trusted proxy is not the one that was judged.
	maps.DeleteFunc(out.Header, func(name string, _ []string) bool { return trustedproxy.IsOverride(name) })
	if judged.Form == nil {
		return out, nil
	}
	out.Header.Set("Content-Type", formMediaType)
	return withBody(out, []byte(judged.Form.Encode())), nil
}

// attrsOf returns what the log line of a judged request says about it.
func attrsOf(judged *clients.Judged, err error, redirectURI string) (attrs []slog.Attr) {
	if judged != nil {
		attrs = append(attrs, slog.String("client", judged.ID))
	}
	if judged != nil && judged.Alias != "" {
		attrs = append(attrs, slog.String("alias", judged.Alias))
	}
	if errors.Is(err, clients.ErrRedirectURI) {
		attrs = append(attrs, slog.String("redirect_uri", abbreviate(redirectURI)))
	}
	return attrs
}

func isAuthorizationMethod(method string) bool {
	return slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost}, method)
}

// others returns the error for requests of other clients, or nil if they pass.
func (p passthrough) others() error {
	if p.Authorization.Only {
		return ErrNotFound
	}
	return nil
}

// readForm reads the body of an authorization request. Its error refuses the request of any client.
func (p passthrough) readForm(w http.ResponseWriter, r *http.Request, memory *share) (f authorizationForm, err error) {
	if r.ContentLength == 0 {
		return f, nil
	}
	if f.body, err = readBody(w, r, p.Stall, memory); err != nil || len(f.body) == 0 {
		return f, err
	}
	kind, err := kindOf(r.Header)
	switch {
	case slices.ContainsFunc(r.Header["Content-Encoding"], isEncoded):
		return f, errContentEncoding
	case err != nil:
		f.err = err
	case kind == bodyForm, kind == bodyUntyped && formLike.Match(f.body):
		f.Form, f.err = clientauth.ParsePage(string(f.body))
	default:
		f.err = errAuthorizationForm
	}
	return f, nil
}

var (
	plainCharset = regexp.MustCompile(`(?i)charset="?(?:utf-?8|us-ascii|iso-8859-\d+|windows-125\d)\b`)
	obscure      = regexp.MustCompile(`(?i)content-transfer-encoding|charset`)
)

// isObscure reports whether a body or its parts may be encoded, or in a charset that is not like
// ASCII, so that a client in them is not seen. Some servers decode them.
func isObscure(h http.Header, body []byte) bool {
	text := strings.Join(h["Content-Type"], ",") + "\n" + string(body)
	return len(body) > 0 && obscure.MatchString(plainCharset.ReplaceAllString(text, ""))
}

func withBody(r *http.Request, body []byte) *http.Request {
	if r.ContentLength == 0 {
		return r
	}
	out := r.WithContext(r.Context()) // a copy
	out.Body, out.ContentLength, out.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
	return out
}

// repair returns an authorization request with the configured repairs, and records them. If there
// is a body that has not arrived, or that servers could read differently, the query stays too.
func (p passthrough) repair(r *http.Request, recorder *responserecorder.Recorder) *http.Request {
	hasForm := r.Method == http.MethodPost && r.ContentLength != 0
	if p.Requests.IsZero() || !isAuthorizationMethod(r.Method) || hasForm && (isUpload(r) || !isPlainForm(r.Header)) {
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
		p.Metrics.Repaired.Inc(p.Endpoint, name)
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
