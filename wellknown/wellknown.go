// Package wellknown serves the provider's metadata, plus what the gateway
// makes true.
//
// A [Source] fetches the provider's documents (RFC 8414, OpenID Connect
// Discovery) and keeps them; a [Handler] serves them with client_secret_basic
// added where the gateway translates it. Clients compare the issuer byte for
// byte and choose their method from the lists, so the document never says more
// than is true: an endpoint whose URL does not lead through the gateway keeps
// the methods that the provider wrote. [Source.Truth] says in sentences what
// remains untrue, or trips strict clients.
//
// The package follows no URL that a document names.
package wellknown

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
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
	// Issuer is the provider's issuer, which protected resources name. Empty
	// means that it is not known yet.
	Issuer string
	// Endpoints are the paths that the gateway fronts, by endpoint.
	Endpoints map[clientauth.Endpoint]string
	// OwnCORS leaves out that the provider lets pages of every origin read a
	// document, because somebody before the handler says who may.
	OwnCORS bool
	// Metrics and Log receive one count and one line per request, that of a hit at
	// level debug: nobody was asked.
	Metrics *metrics.Metrics
	Log     *slog.Logger
}

// Handler serves metadata. It is safe for concurrent use.
type Handler struct {
	Config
	prepared *lru.Cache[string, *prepared]
}

// prepared is what is served for an entry: a text, and the values of header fields.
type prepared struct {
	entry
	text                  []byte
	etag, control, length []string
}

var jsonType = []string{"application/json"}

// New returns the handler for the documents of a source.
func New(c Config) (*Handler, error) {
	p, err := lru.New[string, *prepared](c.Source.Entries)
	if err != nil {
		return nil, err
	}
	return &Handler{Config: c, prepared: p}, nil
}

// Serves reports whether a path is a metadata location: one of the
// authorization server's, or where the issuer is rewritten one of a protected
// resource's, which names the issuer too (RFC 9728 section 2).
func (h *Handler) Serves(path string) bool {
	_, name := locate(path)
	return name != "" && (name != resourceLocation || h.Source.Issuer == IssuerRewrite)
}

// ServesOwn reports whether a path is one of the issuer's own locations. Clients make
// up all others.
func (h *Handler) ServesOwn(path string) bool {
	location, _ := locate(path)
	return h.Source.isOwn(location)
}

// ServeHTTP answers a GET or HEAD request for a metadata location. It answers
// 404 where the provider has no document, which makes clients try the next
// location, 502 where it has somebody else's and 503 where it cannot be known,
// never anything that a client would take for a document.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	location, name := locate(r.URL.Path)
	e, result, err := entry{}, resultNotFound, errNoDocument
	if location != "" {
		e, result, err = h.Source.get(r.Context(), location, name)
	}
	status := http.StatusOK
	switch {
	case err == nil:
		h.serve(w, r, h.prepare(location, name, e))
	case errors.Is(err, errNoDocument):
		status = http.StatusNotFound
		refuse(w, status, clientauth.CodeInvalidRequest, "The authorization server has no metadata document at this location.")
	case errors.Is(err, errForeignIssuer):
		status = http.StatusBadGateway
		refuse(w, status, clientauth.CodeServerError, "The authorization server's metadata names another issuer than the one expected.")
	default:
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", strconv.Itoa(int(pause/time.Second)))
		refuse(w, status, clientauth.CodeTemporarilyUnavailable, "The authorization server's metadata cannot be read now; try again.")
	}
	h.Metrics.MetadataRequest(result)
	h.report(r, result, status, start, err)
}

// serve writes a document, or tells a client that has it that it is the same
// (RFC 9110 section 13.1.2). Its age lets caches know what is left of its
// lifetime (RFC 9111 section 5.1).
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, p *prepared) {
	header := w.Header()
	header["Content-Type"] = jsonType
	header["Etag"] = p.etag
	header["Cache-Control"] = p.control
	header["Age"] = []string{strconv.Itoa(int(time.Since(p.fetched) / time.Second))}
	if p.document.open && !h.OwnCORS {
		header["Access-Control-Allow-Origin"] = []string{"*"}
	}
	// Nearly everyone asks for all of it, without a condition.
	if r.Method == http.MethodGet && r.Header["If-None-Match"] == nil && r.Header["If-Match"] == nil && r.Header["Range"] == nil {
		header["Content-Length"] = p.length
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(p.text) // a client that is gone needs no answer
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.text))
}

// prepare returns what is served for an entry, prepared once.
func (h *Handler) prepare(location, name string, e entry) *prepared {
	if p, ok := h.prepared.Get(location); ok && p.entry == e {
		return p
	}
	text := h.text(name, e.document)
	sum := sha256.Sum256(text)
	p := &prepared{
		entry: e, text: text,
		etag:    []string{`"` + hex.EncodeToString(sum[:8]) + `"`},
		control: []string{"max-age=" + strconv.Itoa(int(e.lifetime/time.Second))},
		length:  []string{strconv.Itoa(len(text))},
	}
	h.prepared.Add(location, p)
	return p
}

func (h *Handler) text(name string, d *document) []byte {
	if name == resourceLocation {
		return moveResource(d.Object, h.Source.way(h.Issuer)).Encode()
	}
	return h.Source.served(d, h.Issuer, h.Endpoints).Encode()
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
func (h *Handler) report(r *http.Request, result string, status int, start time.Time, err error) {
	level := slog.LevelInfo
	switch result {
	case resultUnavailable:
		level = slog.LevelWarn
	case resultHit:
		level = slog.LevelDebug
	}
	if !h.Log.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("endpoint", "metadata"),
		slog.String("result", result),
		slog.Int("status", status),
		slog.Int64("duration_us", time.Since(start).Microseconds()),
	}
	if result == resultUnavailable {
		attrs = append(attrs, slog.String("err", err.Error()))
	}
	h.Log.LogAttrs(r.Context(), level, "request", attrs...)
}
