// Package wellknown serves an OAuth provider's metadata with the client authentication
// methods that the gateway adds (RFC 8414, OpenID Connect Discovery, RFC 9728).
//
// A [Source] fetches the provider's documents and caches them. A [Handler] serves them
// with client_secret_basic added where the gateway translates it. Clients compare the
// issuer byte for byte and choose a method from the lists, so an endpoint whose URL does
// not lead through the gateway keeps the methods that the provider wrote. [Source.Lint]
// reports what strict clients reject.
//
// The package requests no URL that a document names. A request passes wellknown.go,
// location.go, cache.go, fetch.go, augment.go and metadata.go, in this order.
package wellknown

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"time"

	"oauthgw/clientauth"
	"oauthgw/metrics"
)

// Config configures a [Handler].
type Config struct {
	// Source provides the documents.
	Source *Source
	// Issuer is the provider's issuer, for the metadata of protected resources. Empty:
	// it is not known yet.
	Issuer string
	// Endpoints are the paths of the fronted endpoints.
	Endpoints map[clientauth.Endpoint]string
	// StripCORS drops the provider's Access-Control-Allow-Origin, because a handler
	// in front of this one sets it.
	StripCORS bool
	// WriteError writes the error responses.
	WriteError func(http.ResponseWriter, *http.Request, *clientauth.Error)
	// LogRequest writes a line to Log for each request, for cache hits at level debug.
	LogRequest func(ctx context.Context, log *slog.Logger, level slog.Level, start time.Time, attrs ...slog.Attr)
	Log        *slog.Logger
	// Metrics count every request.
	Metrics *metrics.Metrics
}

// Handler serves metadata. It is safe for concurrent use.
type Handler struct{ config Config }

// response is the encoded response of a handler for a cache entry.
type response struct {
	handler *Handler
	entry
	body                  []byte
	etag, control, length []string // header field values
}

var jsonType = []string{"application/json"}

// New returns a handler.
func New(c Config) *Handler {
	c.Endpoints = maps.Clone(c.Endpoints)
	return &Handler{c}
}

// Serves reports whether a path is a metadata location: one of an authorization
// server or, where the issuer is rewritten, one of a protected resource, whose
// metadata names the issuer too (RFC 9728 section 2).
func (h *Handler) Serves(path string) bool {
	_, name := parseLocation(path)
	return name != "" && (name != resourceLocation || h.config.Source.config.Issuer == IssuerRewrite)
}

// ServesOwn reports whether a path is one of the issuer's own locations. Clients
// choose all others.
func (h *Handler) ServesOwn(path string) bool {
	location, _ := parseLocation(path)
	return h.config.Source.isOwn(location)
}

// Responses to requests for documents that cannot be served.
var (
	errNotFound = &clientauth.Error{Status: http.StatusNotFound, Code: clientauth.CodeInvalidRequest, Reason: resultNotFound,
		Description: "The authorization server has no metadata document at this location."}
	errBadGateway = &clientauth.Error{Status: http.StatusBadGateway, Code: clientauth.CodeServerError, Reason: resultUnavailable,
		Description: "The authorization server's metadata names another issuer than the one expected."}
	errUnavailable = &clientauth.Error{Status: http.StatusServiceUnavailable, Code: clientauth.CodeTemporarilyUnavailable, Reason: resultUnavailable,
		Description: "The authorization server's metadata cannot be read now; try again."}
)

// ServeHTTP answers a GET or HEAD request for a metadata location. Where the provider
// has no document the status is 404, which makes clients try the next location.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	location, name := parseLocation(r.URL.Path)
	e, result, err := entry{}, resultNotFound, errNoDocument
	if location != "" {
		e, result, err = h.config.Source.get(r.Context(), location, name, true)
	}
	status := http.StatusOK
	if err == nil {
		h.serve(w, r, h.response(name, e))
	} else {
		status = h.writeError(w, r, err)
	}
	h.config.Metrics.MetadataRequest(result)
	h.logRequest(r, start, status, result, err)
}

// writeError writes the response for an error and returns its status.
func (h *Handler) writeError(w http.ResponseWriter, r *http.Request, err error) int {
	e := errUnavailable
	switch {
	case errors.Is(err, errNoDocument):
		e = errNotFound
	case errors.Is(err, errForeignIssuer):
		e = errBadGateway
	default:
		w.Header().Set("Retry-After", strconv.Itoa(int(negativeTTL/time.Second)))
	}
	h.config.WriteError(w, r, e)
	return e.Status
}

// serve writes a document, or 304 to a conditional request (RFC 9110 section 13.1.2).
// Age lets caches compute the remaining lifetime (RFC 9111 section 5.1).
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, p *response) {
	header := w.Header()
	header["Content-Type"] = jsonType
	header["Etag"] = p.etag
	header["Cache-Control"] = p.control
	header["Age"] = []string{strconv.Itoa(int(time.Since(p.fetched) / time.Second))}
	if p.document.allowsAnyOrigin && !h.config.StripCORS {
		header["Access-Control-Allow-Origin"] = []string{"*"}
	}
	// Most requests are unconditional GETs of the whole document.
	if r.Method == http.MethodGet && r.Header["If-None-Match"] == nil && r.Header["If-Match"] == nil && r.Header["Range"] == nil {
		header["Content-Length"] = p.length
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(p.body)
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.body))
}

// response returns the response for an entry, encoded once.
func (h *Handler) response(name string, e entry) *response {
	if p := e.document.response.Load(); p != nil && p.handler == h && p.entry == e {
		return p
	}
	body := h.body(name, e.document)
	sum := sha256.Sum256(body)
	p := &response{
		handler: h, entry: e, body: body,
		etag:    []string{`"` + hex.EncodeToString(sum[:8]) + `"`},
		control: []string{"max-age=" + strconv.Itoa(int(e.lifetime/time.Second))},
		length:  []string{strconv.Itoa(len(body))},
	}
	e.document.response.Store(p)
	return p
}

func (h *Handler) body(name string, d *document) []byte {
	if name == resourceLocation {
		return moveResource(d.Object, h.config.Source.urlMap(h.config.Issuer)).Encode()
	}
	return h.config.Source.augmented(d, h.config.Issuer, h.config.Endpoints).Encode()
}

// logRequest writes the log line. The error holds no text of the provider.
func (h *Handler) logRequest(r *http.Request, start time.Time, status int, outcome string, err error) {
	level := slog.LevelInfo
	switch outcome {
	case resultUnavailable:
		level = slog.LevelWarn
	case resultHit:
		level = slog.LevelDebug
	}
	if !h.config.Log.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{slog.String("endpoint", "metadata"), slog.Int("status", status), slog.String("outcome", outcome)}
	if outcome == resultUnavailable {
		attrs = append(attrs, slog.String("err", err.Error()))
	}
	h.config.LogRequest(r.Context(), h.config.Log, level, start, attrs...)
}
