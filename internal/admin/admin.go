// Package admin serves metrics, health, readiness, reload and the status page to operators.
package admin

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"oauthgw/internal/gateway"
	"oauthgw/internal/statuspage"
	"oauthgw/metrics"
)

// Config configures a [Handler]. All fields are required.
type Config struct {
	Reloader *gateway.Reloader
	History  *History      // for the status page
	Addr     func() string // the address of the listener for clients
	Draining func() bool   // the shutdown has begun
	Metrics  *metrics.Metrics
	Log      *slog.Logger
}

// Handler serves the admin listener. It is safe for concurrent use. Neither a probe nor the
// status page causes a request to the provider.
type Handler struct {
	config      Config
	started     time.Time
	mux         *http.ServeMux
	crossOrigin *http.CrossOriginProtection
}

// healthPaths are served under every Host, because probes send any.
var healthPaths = []string{"/-/healthy", "/healthz", "/-/ready", "/readyz"}

// New returns a handler.
func New(c Config) *Handler {
	h := &Handler{config: c, started: time.Now(), mux: http.NewServeMux(), crossOrigin: http.NewCrossOriginProtection()}
	c.Metrics.Ready(func() bool { return h.notReady() == "" })
	h.mux.Handle("GET /metrics", c.Metrics.Handler())
	h.mux.HandleFunc("GET /-/healthy", respond("healthy"))
	h.mux.HandleFunc("GET /healthz", respond("healthy"))
	h.mux.HandleFunc("GET /-/ready", h.serveReady)
	h.mux.HandleFunc("GET /readyz", h.serveReady)
	h.mux.HandleFunc("POST /-/reload", h.serveReload)
	h.mux.Handle("GET /{$}", statuspage.Handler(h.status))
	return h
}

// ServeHTTP refuses what a web page could make an operator's browser send: requests under a
// name that points at this listener (DNS rebinding), and cross-origin changes (CSRF).
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !slices.Contains(healthPaths, r.URL.Path) && !h.allowsHost(hostName(r.Host)):
		h.refuse(w, r, "host", "the admin listener does not accept this Host: use an IP address or localhost, or list the name in admin.allowed_hosts")
	case h.crossOrigin.Check(r) != nil:
		h.refuse(w, r, "cross_origin", "the admin listener does not accept cross-origin requests: send it without the header fields Origin and Sec-Fetch-Site")
	default:
		h.mux.ServeHTTP(w, r)
	}
}

// refuse answers 403. Neither the Host nor the Origin, which the client chose, is logged.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, reason, text string) {
	h.config.Metrics.AdminRefused.Inc(reason)
	client, _, _ := net.SplitHostPort(r.RemoteAddr)
	h.config.Log.WarnContext(r.Context(), "admin request refused", "endpoint", "admin", "status", http.StatusForbidden,
		"end", "complete", "reason", reason, "client_ip", client)
	http.Error(w, text, http.StatusForbidden)
}

// allowsHost reports whether a host can only have been meant for this listener: an IP
// address, localhost and the names below it (RFC 6761 section 6.3), and configured names.
func (h *Handler) allowsHost(host string) bool {
	_, err := netip.ParseAddr(host)
	s := h.config.Reloader.Current().Settings()
	return err == nil || host == "localhost" || strings.HasSuffix(host, ".localhost") ||
		host != "" && (host == hostName(s.Admin.Listen) || slices.Contains(s.AdminHosts, host))
}

// hostName returns the host of host:port in lower case, without brackets and final dot.
func hostName(field string) string {
	u, err := url.Parse("//" + field)
	if err != nil || u.Host != field {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
}

func respond(word string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, word+"\n") }
}

func (h *Handler) serveReady(w http.ResponseWriter, r *http.Request) {
	if reason := h.notReady(); reason != "" {
		http.Error(w, "not ready: "+reason, http.StatusServiceUnavailable)
	} else {
		respond("ready")(w, r)
	}
}

// notReady returns why no requests should be sent to the gateway. Empty means ready.
func (h *Handler) notReady() string {
	switch {
	case h.config.Draining():
		return "draining"
	case !h.config.Reloader.Current().Ready():
		return "the endpoints are not configured and the provider's metadata has not been read"
	}
	return ""
}

// serveReload reloads the configuration. The errors of a configuration contain no secrets.
func (h *Handler) serveReload(w http.ResponseWriter, r *http.Request) {
	switch err := h.config.Reloader.Reload(); {
	case errors.Is(err, gateway.ErrReloadDisabled):
		http.Error(w, "not reloaded: "+err.Error(), http.StatusServiceUnavailable)
	case err != nil:
		http.Error(w, "config reload failed, keeping previous config:\n"+err.Error(), http.StatusInternalServerError)
	default:
		text := "reloaded"
		if warning := restartRequired(h.config.Reloader.LastReload()); warning != "" {
			text += ", but " + warning
		}
		respond(text)(w, r)
	}
}

// restartRequired says which changed settings have no effect yet. Empty means none.
func restartRequired(last gateway.ReloadResult) string {
	if len(last.RestartRequired) == 0 {
		return ""
	}
	return "a change of these settings requires a restart: " + strings.Join(last.RestartRequired, ", ")
}
