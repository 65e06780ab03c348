// Package wellknown serves an OAuth provider's metadata with the client authentication
// methods that the gateway adds (RFC 8414, OpenID Connect Discovery, RFC 9728).
//
// A [Source] fetches the provider's documents and caches them. A [Handler] serves them
// with client_secret_basic and client_secret_post added for the fronted endpoints whose
// URLs lead through the gateway. [Source.Lint] reports what strict clients reject. The
// package never fetches a URL found in a document.
//
// handler.go looks up a document in cache.go. fetch.go fetches a missing document, diagnose.go
// reads it or says what is wrong with it, and metadata.go corrects it. augment.go adds the
// methods, and handler.go keeps the result with the document and writes the response. agents.go
// reports what agents without a secret need, and resource.go generates metadata of resources.
package wellknown

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
	"oauthgw/internal/responserecorder"
)

// Config configures a [Handler].
type Config struct {
	Source     *Source
	Issuer     string                         // the provider's issuer; empty: not known yet
	Endpoints  map[clientauth.Endpoint]string // the paths of the fronted endpoints
	StripCORS  bool                           // drop the provider's Access-Control-Allow-Origin, which another handler sets
	WriteError func(http.ResponseWriter, *clientauth.Error)
	// Host returns the host that a client requested. Pass serves the requests for a document
	// whose issuer has another host. If Pass is nil, every host gets the same document.
	Host func(*http.Request) string
	Pass http.Handler
	// Admit reports whether a request for a location that is not one of the issuer's may wait
	// for a fetch. If not, Admit writes the response. Release is called when an admitted
	// request ends. If Admit is nil, every request may wait.
	Admit   func(http.ResponseWriter, *http.Request) bool
	Release func(context.Context)
}

// Handler serves metadata. It is safe for concurrent use.
type Handler struct {
	config    Config
	issuer    *url.URL             // its origin; nil: not known
	resources map[string]*document // see [Source.generated]
}

// New returns a handler.
func New(c Config) *Handler { return &Handler{c, origin.Of(c.Issuer), c.Source.generated(c.Issuer)} }

func (h *Handler) isElsewhere(r *http.Request, issuer *url.URL) bool {
	return h.config.Pass != nil && issuer != nil && !origin.HasHost(issuer, h.config.Host(r))
}

// Serves reports whether a request is, at the host of the issuer, for a location of authorization
// server metadata or of protected resource metadata: of every resource if the issuer, which
// that metadata also names, is rewritten, and otherwise of the configured resources.
func (h *Handler) Serves(r *http.Request) bool {
	location, name := parseLocation(r.URL.Path)
	_, configured := h.resources[location]
	return name != "" && (name != resourceLocation || configured || h.config.Source.config.Rewrite) && !h.isElsewhere(r, h.issuer)
}

// ServeHTTP answers a GET or HEAD request for a metadata location. Where the provider
// has no document the status is 404, which makes clients try the next location.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	recorder, w := responserecorder.Wrap(w)
	location, name := parseLocation(r.URL.Path)
	if h.config.Admit != nil && !h.config.Source.isOwn(location) {
		if !h.config.Admit(w, r) {
			return
		}
		defer h.config.Release(r.Context())
	}
	e, result, err := h.config.Source.find(r.Context(), location, name)
	if err != nil {
		result = "generated"
		e, err = h.generate(location, err)
	}
	switch {
	case err == nil && h.isElsewhere(r, e.document.issuer):
		h.config.Pass.ServeHTTP(w, r)
		return
	case err == nil:
		h.serve(w, r, name, e)
	default:
		refusal := errorResponse(err)
		result = refusal.Reason
		if refusal.Status == http.StatusServiceUnavailable {
			w.Header().Set("Retry-After", strconv.Itoa(int(negativeTTL/time.Second)))
		}
		h.config.WriteError(w, refusal)
		if gone := r.Context().Err(); gone != nil {
			result = "canceled"
			recorder.Fail(responserecorder.Client, gone)
		}
	}
	h.config.Source.config.Metrics.MetadataRequest.Inc(result)
	recorder.Attrs = []slog.Attr{slog.String("outcome", result)}
	switch result {
	case "unavailable":
		recorder.Level, recorder.Attrs = slog.LevelWarn, append(recorder.Attrs, slog.String("err", err.Error())) // err contains no text from the provider
	case "hit":
		recorder.Level = slog.LevelDebug
	}
}

func errorResponse(err error) *clientauth.Error {
	switch {
	case errors.Is(err, errNoDocument):
		return &clientauth.Error{Status: http.StatusNotFound, Code: clientauth.CodeInvalidRequest, Reason: "not_found",
			Description: "The authorization server has no metadata document at this location."}
	case errors.Is(err, errForeignIssuer):
		return Explain(clientauth.Error{Status: http.StatusBadGateway, Code: clientauth.CodeServerError, Reason: "unavailable",
			Description: "The authorization server's metadata names an unexpected issuer."}, err)
	}
	return Explain(clientauth.Error{Status: http.StatusServiceUnavailable, Code: clientauth.CodeTemporarilyUnavailable, Reason: "unavailable",
		Description: "The authorization server's metadata is temporarily unavailable; try again."}, err)
}

// Explain adds a diagnosis to the description of an error.
func Explain(e clientauth.Error, err error) *clientauth.Error {
	if d, ok := errors.AsType[*Diagnosis](err); ok {
		problem, fix := d.Sentences()
		e.Description += " " + problem + " " + fix
	}
	return &e
}

type response struct {
	handler      *Handler
	body         []byte
	etag, length []string // header field values
}

// response returns the response for a document. It encodes the document on first use.
func (h *Handler) response(name string, d *document) *response {
	if p := d.response.Load(); p != nil && p.handler == h {
		return p
	}
	body := d.text
	switch {
	case body != nil:
	case name == resourceLocation:
		body = moveResource(d.Metadata, h.config.Source.urlMap(h.config.Issuer)).Encode()
	default:
		body = h.config.Source.augmented(d, h.config.Issuer, h.config.Endpoints).Encode()
	}
	p := &response{h, body, []string{fmt.Sprintf(`"%.8x"`, sha256.Sum256(body))}, []string{strconv.Itoa(len(body))}}
	d.response.Store(p)
	return p
}

// serve writes a document, or 304 to a conditional request (RFC 9110 section 13.1.2).
// Age lets caches compute the remaining lifetime (RFC 9111 section 5.1).
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, name string, e entry) {
	p, header := h.response(name, e.document), w.Header()
	header["Content-Type"], header["Etag"] = []string{"application/json"}, p.etag
	header["Cache-Control"] = []string{"max-age=" + strconv.Itoa(int(e.lifetime/time.Second))}
	header["Age"] = []string{strconv.Itoa(int(time.Since(e.fetched) / time.Second))}
	if e.document.allowsAnyOrigin && !h.config.StripCORS {
		header.Set("Access-Control-Allow-Origin", "*")
	}
	// Most requests are unconditional GETs of the whole, and need no http.ServeContent.
	if r.Method == http.MethodGet && r.Header["If-None-Match"] == nil && r.Header["If-Match"] == nil && r.Header["Range"] == nil {
		header["Content-Length"] = p.length
		_, _ = w.Write(p.body)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.body))
}
