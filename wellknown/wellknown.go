// Package wellknown serves the provider's metadata, plus what the gateway
// makes true.
//
// A [Source] fetches the provider's documents (RFC 8414, OpenID Connect
// Discovery) and keeps them; a [Handler] serves them with client_secret_basic
// added where the gateway translates it. Clients compare the issuer byte for
// byte and choose their method from the lists, so the document never says more
// than is true: an endpoint whose URL does not lead through the gateway keeps
// the methods that the provider wrote.
//
// The package follows no URL that a document names.
package wellknown

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"time"

	"oauthgw/clientauth"
	"oauthgw/metrics"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Config describes what the gateway makes true.
type Config struct {
	// Source brings the provider's documents.
	Source *Source
	// Endpoints are the paths that the gateway fronts, by endpoint.
	Endpoints map[clientauth.Endpoint]string
	// Metrics and Log receive one count and one line per request.
	Metrics *metrics.Metrics
	Log     *slog.Logger
}

// Handler serves metadata. It is safe for concurrent use.
type Handler struct {
	Config
	prepared *lru.Cache[string, prepared]
}

// prepared is the text that is served for a document.
type prepared struct {
	document *Document
	text     []byte
}

// New returns the handler for the documents of a source.
func New(c Config) (*Handler, error) {
	p, err := lru.New[string, prepared](c.Source.Entries)
	if err != nil {
		return nil, err
	}
	return &Handler{Config: c, prepared: p}, nil
}

// ServeHTTP answers a GET or HEAD request for a metadata location. It answers
// 404 where the provider has no document, which makes clients try the next
// location, and 503 where it cannot be known, never anything that a client
// would take for a document.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	location, _ := Location(r.URL.Path)
	document, result, err := h.Source.get(r.Context(), location)
	status := http.StatusOK
	switch {
	case err == nil:
		h.serve(w, r, h.text(location, document))
	case errors.Is(err, errNoDocument):
		status = http.StatusNotFound
		refuse(w, status, clientauth.CodeInvalidRequest, "The authorization server has no metadata document at this location.")
	default:
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", strconv.Itoa(int(pause/time.Second)))
		refuse(w, status, clientauth.CodeTemporarilyUnavailable, "The authorization server's metadata cannot be read now; try again.")
	}
	h.Metrics.MetadataRequest(result)
	h.report(r, result, status, time.Since(start), err)
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Header().Set("Cache-Control", "max-age="+strconv.Itoa(int(h.Source.TTL/time.Second)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(text) // an error means that the client is gone
	}
}

// text returns what is served for a document, prepared once.
func (h *Handler) text(location string, document *Document) []byte {
	if p, ok := h.prepared.Get(location); ok && p.document == document {
		return p.text
	}
	origin := h.Source.publicOrigin(document.Metadata)
	text := document.Metadata.Augment(func(name clientauth.Endpoint, u *url.URL) bool {
		fronted, ok := h.Endpoints[name]
		return ok && onOrigin(u, origin) && path.Clean(u.Path) == path.Clean(fronted)
	}).Encode()
	h.prepared.Add(location, prepared{document, text})
	return text
}

func refuse(w http.ResponseWriter, status int, code, description string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// Constants encode, and a client that is gone needs no answer.
	_ = json.NewEncoder(w).Encode(&clientauth.Error{Code: code, Description: description})
}

// report writes one line. The error names the provider's address and status,
// nothing that the provider said.
func (h *Handler) report(r *http.Request, result string, status int, d time.Duration, err error) {
	level, attrs := slog.LevelInfo, []slog.Attr{
		slog.String("endpoint", "metadata"),
		slog.String("result", result),
		slog.Int("status", status),
		slog.Duration("duration", d),
	}
	if result == resultUnavailable {
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("fault", err.Error()))
	}
	h.Log.LogAttrs(r.Context(), level, "exchange", attrs...)
}
