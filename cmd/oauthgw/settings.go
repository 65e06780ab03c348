package main

import (
	"crypto/tls"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"oauthgw/clientauth"
	"oauthgw/internal/authlimit"
	"oauthgw/internal/trustedproxy"
	"oauthgw/proxy"
	"oauthgw/wellknown"

	"github.com/rs/cors"
)

// settings are a configuration in which nothing is left to be wrong.
type settings struct {
	listen, adminListen string
	maxConnections      int
	webConfigFile       string               // of the admin listener; empty: plain http
	adminHosts          []string             // accepted in the Host of admin requests, besides those that always are
	certificate         *tls.Certificate     // nil: plain http
	proxies             trustedproxy.Proxies // that are trusted
	files               []string             // that the configuration was read from
	openFiles           []openFile           // those that hold secrets, and that others may read
	public              *url.URL             // nil: as the metadata says
	upstream            *url.URL
	upstreamSocket      string      // path of a Unix socket; empty: upstream names the address
	upstreamTLS         *tls.Config // nil: the system's trust
	timeout             time.Duration
	endpoints           map[clientauth.Endpoint]*url.URL // path and query; empty: as the metadata says
	passthrough         bool
	rules               *clientauth.Rules
	challenge           proxy.ChallengePolicy
	failures            authlimit.Config
	realm               string // empty: the issuer
	registration        bool   // translated
	clientConfiguration string // path; empty: only below the registration endpoint
	issuer              wellknown.IssuerMode
	expectedIssuer      string // empty: any
	patch               wellknown.Patch
	ttl, staleFor       time.Duration
	entries             int
	cors                *cors.Cors // nil: none
	drainDelay          time.Duration
	drainTimeout        time.Duration
	auditFile           string // "-": standard output; empty: none
	logLevel            slog.Level
	logJSON             bool
}

// compile turns a configuration into settings, or tells everything that is
// wrong with it.
func (c config) compile(s *source) (settings, mistakeList) {
	m := &mistakes{source: s}
	out := settings{
		listen: m.address("listen", c.Listen), adminListen: m.address("admin.listen", c.Admin.Listen),
		adminHosts:     m.adminHosts(c.Admin.AllowedHosts),
		maxConnections: m.maxConnections(c.MaxConnections),
		webConfigFile:  m.webConfigFile(c.Admin.WebConfigFile),
		proxies:        m.proxies(c),
		public:         m.publicURL(c.PublicURL),
		upstream:       m.upstreamURL(c), upstreamSocket: m.upstreamSocket(c.Upstream.URL),
		upstreamTLS: m.upstreamTLS(c),
		certificate: m.certificate("tls", c.TLS),
		timeout:     m.positive("upstream.timeout", c.Upstream.Timeout),
		endpoints:   m.endpoints(c.Endpoints),
		passthrough: c.Passthrough,
		rules:       m.rules(c),
		challenge:   oneOf(m, "client_auth.challenge", c.ClientAuth.Challenge, proxy.ChallengeAlways, proxy.ChallengeBasic),
		realm:       m.realm(c.ClientAuth.Realm),
		failures:    m.failures(c),

		registration:        c.Registration.Translate,
		clientConfiguration: m.path("registration.client_configuration", c.Registration.ClientConfiguration),
		issuer:              m.issuerMode(c),
		expectedIssuer:      m.issuer("upstream.issuer", c.Upstream.Issuer),
		patch:               m.patch(c.Metadata.Patch),
		ttl:                 m.positive("metadata.ttl", c.Metadata.TTL),
		staleFor:            m.notNegative("metadata.stale_for", c.Metadata.StaleFor),
		entries:             c.Metadata.Entries,
		cors:                m.cors(c.CORS.AllowedOrigins),

		drainDelay:   m.notNegative("drain.delay", c.Drain.Delay),
		drainTimeout: m.positive("drain.timeout", c.Drain.Timeout),
		files:        c.files(s),
		openFiles:    c.openFiles(),

		auditFile: m.auditFile(c.Audit.File),
		logLevel:  m.level(c.Log.Level),
		logJSON:   oneOf(m, "log.format", c.Log.Format, "json", "text") == "json",
	}
	if c.Metadata.Entries < 1 {
		m.add("metadata.entries", "must be at least 1")
	}
	return out, m.found
}

func (m *mistakes) address(key, value string) string {
	if path, ok := strings.CutPrefix(value, unixPrefix); ok && path != "" {
		// Both spellings mean an abstract socket, which is in no directory.
		if path[0] == '@' || path[0] == 0 {
			m.add(key, "an abstract socket has no permissions, so that every user of this host could connect; name a socket in a directory, such as unix:/run/oauthgw/oauthgw.sock")
		}
		return value
	}
	if _, port, err := net.SplitHostPort(value); err != nil || port == "" || !isPort(port) {
		m.add(key, "must be host:port or unix:/path, such as 127.0.0.1:8080")
	}
	return value
}

// isPort reports whether a port is a number that ports have, or a name that the
// system knows.
func isPort(port string) bool {
	_, err := net.LookupPort("tcp", port)
	return err == nil
}

func (m *mistakes) positive(key string, d time.Duration) time.Duration {
	if d <= 0 {
		m.add(key, "must be longer than zero, such as 15s")
	}
	return d
}

func (m *mistakes) notNegative(key string, d time.Duration) time.Duration {
	if d < 0 {
		m.add(key, "must not be negative")
	}
	return d
}

// origin reads a URL that has scheme and host and nothing else.
func (m *mistakes) origin(key, value, example string) *url.URL {
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" || strings.HasSuffix(u.Host, ":") || u.Port() != "" && !isPort(u.Port()) || u.Scheme != "http" && u.Scheme != "https" {
		m.add(key, "must be an http or https URL, such as %s", example)
		return nil
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		m.add(key, "must be an origin without user, path, query or fragment, such as %s", example)
		return nil
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}
}

func (m *mistakes) publicURL(value string) *url.URL {
	if value == "" {
		return nil
	}
	return m.origin("public_url", value, "https://login.example.com")
}

func (m *mistakes) rules(c config) *clientauth.Rules {
	clients := map[string]clientauth.Decoding{}
	for _, id := range slices.Sorted(maps.Keys(c.ClientAuth.Clients)) {
		clients[id] = m.decoding("client_auth.clients."+id+".basic_decoding", c.ClientAuth.Clients[id].BasicDecoding)
	}
	return clientauth.New(clientauth.Config{
		Decoding: m.decoding("client_auth.basic_decoding", c.ClientAuth.BasicDecoding),
		Clients:  clients,
		Conflict: oneOf(m, "client_auth.conflict", c.ClientAuth.Conflict,
			clientauth.ConflictDiffering, clientauth.ConflictAny, clientauth.ConflictReport),
		InsecureQueryCredentials: c.ClientAuth.InsecureQueryCredentials,
	})
}

func (m *mistakes) decoding(key, value string) clientauth.Decoding {
	return oneOf(m, key, value, clientauth.DecodingAuto, clientauth.DecodingForm, clientauth.DecodingRaw)
}

func (m *mistakes) realm(value string) string {
	// A quoted-string holds no control characters (RFC 9110 section 5.6.4).
	if strings.ContainsFunc(value, unicode.IsControl) {
		m.add("client_auth.realm", "must not hold control characters")
	}
	return value
}

func (m *mistakes) level(value string) slog.Level {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	return levels[oneOf(m, "log.level", value, "debug", "info", "warn", "error")]
}

// oneOf reads a value out of a closed set.
func oneOf[T ~string](m *mistakes, key, value string, allowed ...T) T {
	if !slices.Contains(allowed, T(value)) {
		m.put(mistake{Key: key, Message: "must be one of " + list(allowed), Allowed: texts(allowed)})
	}
	return T(value)
}

func texts[T ~string](values []T) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return texts
}

func list[T ~string](values []T) string { return strings.Join(texts(values), ", ") }
