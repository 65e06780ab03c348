package config

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

// Settings are a configuration in which nothing is left to be wrong.
type Settings struct {
	Listen, AdminListen           string
	MaxConnections                int
	WebConfigFile                 string               // of the admin listener; empty: plain http
	AdminHosts                    []string             // accepted in the Host of admin requests, besides those that always are
	Certificate                   *tls.Certificate     // nil: plain http
	Proxies                       trustedproxy.Proxies // that are trusted
	Files                         []string             // that the configuration was read from
	ReadableSecrets               []ReadableSecret     // those that hold secrets, and that others may read
	PublicURL                     *url.URL             // nil: as the metadata says
	Upstream                      *url.URL
	UpstreamSocket                string      // path of a Unix socket; empty: upstream names the address
	UpstreamTLS                   *tls.Config // nil: the system's trust
	UpstreamTimeout               time.Duration
	Endpoints                     map[clientauth.Endpoint]*url.URL // path and query; empty: as the metadata says
	Passthrough                   bool
	Rules                         *clientauth.Rules
	Challenge                     proxy.ChallengePolicy
	Failures                      authlimit.Config
	Realm                         string // empty: the issuer
	TranslateRegistration         bool   // translated
	ClientConfiguration           string // path; empty: only below the registration endpoint
	IssuerMode                    wellknown.IssuerMode
	Issuer                        string // empty: any
	MetadataPatch                 wellknown.Patch
	MetadataTTL, MetadataStaleFor time.Duration
	MetadataEntries               int
	CORS                          *cors.Cors // nil: none
	DrainDelay                    time.Duration
	DrainTimeout                  time.Duration
	AuditFile                     string // "-": standard output; empty: none
	LogLevel                      slog.Level
	LogJSON                       bool
}

// Validate returns the settings of a configuration that no file holds.
func (c Config) Validate() (Settings, error) {
	s, mistakes := c.validate(&positions{})
	return s, mistakes.err()
}

// validate turns a configuration into settings, or tells everything that is
// wrong with it.
func (c Config) validate(s *positions) (Settings, Errors) {
	m := &validator{positions: s}
	out := Settings{
		Listen: m.address("listen", c.Listen), AdminListen: m.address("admin.listen", c.Admin.Listen),
		AdminHosts:     m.adminHosts(c.Admin.AllowedHosts),
		MaxConnections: m.maxConnections(c.MaxConnections),
		WebConfigFile:  m.webConfigFile(c.Admin.WebConfigFile),
		Proxies:        m.proxies(c),
		PublicURL:      m.publicURL(c.PublicURL),
		Upstream:       m.upstreamURL(c), UpstreamSocket: m.upstreamSocket(c.Upstream.URL),
		UpstreamTLS:     m.upstreamTLS(c),
		Certificate:     m.certificate("tls", c.TLS),
		UpstreamTimeout: m.positive("upstream.timeout", c.Upstream.Timeout),
		Endpoints:       m.endpoints(c.Endpoints),
		Passthrough:     c.Passthrough,
		Rules:           m.rules(c),
		Challenge:       oneOf(m, "client_auth.challenge", c.ClientAuth.Challenge, proxy.ChallengeAlways, proxy.ChallengeBasic),
		Realm:           m.realm(c.ClientAuth.Realm),
		Failures:        m.failures(c),

		TranslateRegistration: c.Registration.Translate,
		ClientConfiguration:   m.path("registration.client_configuration", c.Registration.ClientConfiguration),
		IssuerMode:            m.issuerMode(c),
		Issuer:                m.issuer("upstream.issuer", c.Upstream.Issuer),
		MetadataPatch:         m.patch(c.Metadata.Patch),
		MetadataTTL:           m.positive("metadata.ttl", c.Metadata.TTL),
		MetadataStaleFor:      m.notNegative("metadata.stale_for", c.Metadata.StaleFor),
		MetadataEntries:       c.Metadata.Entries,
		CORS:                  m.cors(c.CORS.AllowedOrigins),

		DrainDelay:      m.notNegative("drain.delay", c.Drain.Delay),
		DrainTimeout:    m.positive("drain.timeout", c.Drain.Timeout),
		Files:           c.files(s),
		ReadableSecrets: c.openFiles(),

		AuditFile: m.auditFile(c.Audit.File),
		LogLevel:  m.level(c.Log.Level),
		LogJSON:   oneOf(m, "log.format", c.Log.Format, "json", "text") == "json",
	}
	if c.Metadata.Entries < 1 {
		m.addf("metadata.entries", "must be at least 1")
	}
	return out, m.found
}

// UntrustedProxy returns the entry that trusted_proxies lacks so that failures can
// be limited at an address of the form of the listen key. It is empty if they can
// be, or need not be. All connections to a loopback address or a Unix socket come
// from this host, so only a trusted proxy can say which client a request is from.
func (s Settings) UntrustedProxy(listen string) string {
	if s.Failures.Burst <= 0 && s.Failures.AddressBurst <= 0 {
		return ""
	}
	if strings.HasPrefix(listen, socketPrefix) {
		if s.Proxies.Trusts(netip.Addr{}) {
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
	if slices.ContainsFunc(addresses, s.Proxies.Trusts) {
		return ""
	}
	return addresses[0].String()
}

// Warnings returns what a valid configuration probably gets wrong.
func (s Settings) Warnings() (found []string) {
	if entry := s.UntrustedProxy(s.Listen); entry != "" {
		found = append(found, "client_auth.failures: has no effect, because all connections to "+s.Listen+" come from this host; "+
			"if the proxy in front of it sets X-Forwarded-For, set trusted_proxies: ["+entry+"]")
	}
	if s.AuditsToDevice() {
		found = append(found, "audit.file: "+s.AuditFile+" is neither a regular file nor a pipe, so records may be lost; name a file, a pipe, or - for standard output")
	}
	return found
}

// RestartRequired returns the keys that differ and that a reload cannot change.
func (s Settings) RestartRequired(t Settings) []string {
	var keys []string
	if s.Listen != t.Listen {
		keys = append(keys, "listen")
	}
	if s.AdminListen != t.AdminListen {
		keys = append(keys, "admin.listen")
	}
	if s.MaxConnections != t.MaxConnections {
		keys = append(keys, "max_connections")
	}
	if s.WebConfigFile != t.WebConfigFile {
		keys = append(keys, "admin.web_config_file")
	}
	// Which certificate is shown can change; whether there is one cannot.
	if (s.Certificate == nil) != (t.Certificate == nil) {
		keys = append(keys, "tls")
	}
	return keys
}

// AuditsToDevice reports whether audit.file exists and is neither a regular file nor a
// pipe. A device such as /dev/null or a terminal keeps no records.
func (s Settings) AuditsToDevice() bool {
	if s.AuditFile == "" || s.AuditFile == standardOutput {
		return false
	}
	info, err := os.Stat(s.AuditFile)
	return err == nil && !info.Mode().IsRegular() && info.Mode().Type() != os.ModeNamedPipe
}
