package main

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

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

// validate returns the settings of a configuration that no file holds.
func (c config) validate() (settings, error) {
	s, mistakes := c.compile(&source{})
	return s, mistakes.err()
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

// untrustedProxy returns the entry that trusted_proxies lacks so that failures can
// be limited at an address of the form of the listen key. It is empty if they can
// be, or need not be. All connections to a loopback address or a Unix socket come
// from this host, so only a trusted proxy can say which client a request is from.
func (s settings) untrustedProxy(listen string) string {
	if s.failures.Burst <= 0 && s.failures.AddressBurst <= 0 {
		return ""
	}
	if strings.HasPrefix(listen, unixPrefix) {
		if s.proxies.Trusts(netip.Addr{}) {
			return ""
		}
		return trustedproxy.UnixSocket
	}
	host, _, _ := net.SplitHostPort(listen) // compile has read it
	addresses := []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	if !strings.EqualFold(host, "localhost") {
		address, err := netip.ParseAddr(host)
		if err != nil || !address.Unmap().IsLoopback() {
			return ""
		}
		if address = address.Unmap(); address.Is4() {
			address = addresses[0] // from which all connections to any in 127.0.0.0/8 come
		}
		addresses = []netip.Addr{address}
	}
	if slices.ContainsFunc(addresses, s.proxies.Trusts) {
		return ""
	}
	return addresses[0].String()
}

// warnings returns what a valid configuration probably gets wrong.
func (s settings) warnings() (found []string) {
	if entry := s.untrustedProxy(s.listen); entry != "" {
		found = append(found, "client_auth.failures: has no effect, because all connections to "+s.listen+" come from this host; "+
			"if the proxy in front of it sets X-Forwarded-For, set trusted_proxies: ["+entry+"]")
	}
	if s.auditToDevice() {
		found = append(found, "audit.file: "+s.auditFile+" is neither a regular file nor a pipe, so records may be lost; name a file, a pipe, or - for standard output")
	}
	return found
}

// fixedDifferences returns the keys that differ and that a reload cannot change.
func (s settings) fixedDifferences(t settings) []string {
	var keys []string
	if s.listen != t.listen {
		keys = append(keys, "listen")
	}
	if s.adminListen != t.adminListen {
		keys = append(keys, "admin.listen")
	}
	if s.maxConnections != t.maxConnections {
		keys = append(keys, "max_connections")
	}
	if s.webConfigFile != t.webConfigFile {
		keys = append(keys, "admin.web_config_file")
	}
	// Which certificate is shown can change; whether there is one cannot.
	if (s.certificate == nil) != (t.certificate == nil) {
		keys = append(keys, "tls")
	}
	return keys
}

// auditToDevice reports whether audit.file exists and is neither a regular file nor a
// pipe. A device such as /dev/null or a terminal keeps no records.
func (s settings) auditToDevice() bool {
	if s.auditFile == "" || s.auditFile == standardOutput {
		return false
	}
	info, err := os.Stat(s.auditFile)
	return err == nil && !info.Mode().IsRegular() && info.Mode().Type() != os.ModeNamedPipe
}
