package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"oauthgw/internal/statuspage"
)

// livenessPaths and readinessPaths are the health paths. Probes send whatever Host
// they like, so these are exempt from the checks of [servers.guarded].
var (
	livenessPaths  = []string{"/-/healthy", "/healthz"}
	readinessPaths = []string{"/-/ready", "/readyz"}
)

// operations serves metrics, liveness, readiness, reloading and the status page.
// Liveness does not depend on the provider, and neither a probe nor a look at the
// page causes a request to it.
func (s *servers) operations() http.Handler {
	s.live.metrics.Ready(func() bool { return s.notReady() == "" })
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.live.metrics.Handler())
	for _, path := range livenessPaths {
		mux.HandleFunc("GET "+path, say("healthy"))
	}
	for _, path := range readinessPaths {
		mux.HandleFunc("GET "+path, s.answerReady)
	}
	mux.HandleFunc("POST /-/reload", s.answerReload)
	mux.Handle("GET /{$}", statuspage.Handler(s.facts))
	return s.guarded(mux)
}

// guarded refuses what a web page could make an operator's browser send: requests
// under a name that its author pointed at this listener (DNS rebinding), and
// cross-origin requests that change something (CSRF). New paths are guarded unless
// they are health paths.
func (s *servers) guarded(next http.Handler) http.Handler {
	own := hostName(s.live.now().settings.AdminListen) // a reload does not move the listener
	crossOrigin := http.NewCrossOriginProtection()
	health := slices.Concat(livenessPaths, readinessPaths)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case slices.Contains(health, r.URL.Path):
			next.ServeHTTP(w, r)
		case !isAdminHost(hostName(r.Host), own, s.live.now().settings.AdminHosts):
			s.refuse(w, r, "host", "the admin listener does not accept this Host: use an IP address or localhost, or list the name in admin.allowed_hosts")
		case crossOrigin.Check(r) != nil:
			s.refuse(w, r, "cross_origin", "the admin listener does not accept cross-origin requests: send it without the header fields Origin and Sec-Fetch-Site")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// refuse answers 403. The client chose the Host and the Origin, so neither is
// logged or sent back.
func (s *servers) refuse(w http.ResponseWriter, r *http.Request, reason, text string) {
	s.live.metrics.AdminRefused(reason)
	client, _, _ := net.SplitHostPort(r.RemoteAddr)
	s.live.log().WarnContext(r.Context(), "admin request refused", "reason", reason, "client_ip", client)
	http.Error(w, text, http.StatusForbidden)
}

// isAdminHost reports whether a host can only have been meant for the admin
// listener. An IP address is in nobody else's control, and localhost and the names
// below it never leave this host (RFC 6761 section 6.3).
func isAdminHost(host, own string, allowed []string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil || host == "localhost" || strings.HasSuffix(host, ".localhost") ||
		host != "" && (host == own || slices.Contains(allowed, host))
}

// hostName returns the host of a Host field or of host:port in the one spelling
// that is compared: in lower case, without port, brackets and final dot. It is
// empty if there is none.
func hostName(field string) string {
	u, err := url.Parse("//" + field)
	if err != nil || u.Host != field {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
}

func say(word string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, word+"\n") }
}

func (s *servers) answerReady(w http.ResponseWriter, r *http.Request) {
	if why := s.notReady(); why != "" {
		http.Error(w, "not ready: "+why, http.StatusServiceUnavailable)
		return
	}
	say("ready")(w, r)
}

// notReady says why no requests are to be sent here. Empty means that they are.
func (s *servers) notReady() string {
	switch {
	case s.draining.Load():
		return "draining"
	case !s.live.now().ready():
		return "the endpoints are not configured and the provider's metadata has not been read"
	}
	return ""
}

// answerReload reloads. Whoever may ask may also know what is wrong with the
// configuration: it holds no secrets.
func (s *servers) answerReload(w http.ResponseWriter, r *http.Request) {
	switch err := s.live.reload(); {
	case errors.Is(err, errFrozen):
		http.Error(w, "not reloaded: "+err.Error(), http.StatusServiceUnavailable)
	case err != nil:
		http.Error(w, "not reloaded, the old configuration stays:\n"+err.Error(), http.StatusInternalServerError)
	default:
		say("reloaded")(w, r)
	}
}
