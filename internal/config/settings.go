package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/clients"
	"oauthgw/internal/trustedproxy"
	"oauthgw/proxy"
	"oauthgw/wellknown"

	"github.com/rs/cors"
)

// Settings is a valid configuration, with values in the types of the packages that use them.
type Settings struct {
	Config
	Files          []string             // the configuration file and the files that it names
	MaxConnections int                  // more than zero
	AdminHosts     []string             // admin.allowed_hosts in lower case
	Certificate    *tls.Certificate     // of the listener for clients; nil: plain http
	Proxies        trustedproxy.Proxies // trusted ones
	PublicOrigin   *url.URL             // nil: from the metadata
	UpstreamOrigin *url.URL
	UpstreamSocket string // path of the Unix socket; empty: UpstreamOrigin has the address
	UpstreamTLS    *tls.Config
	UpstreamCert   *tls.Certificate                 // in UpstreamTLS; nil: none
	Endpoints      map[clientauth.Endpoint]*url.URL // path and query; empty: from the metadata
	Rules          *clientauth.Rules
	Clients        *clients.Table
	StatePassword  clientauth.Secret // of Redis; zero: none
	StateRoots     *x509.CertPool    // of Redis; nil: the system's
	Challenge      proxy.ChallengePolicy
	RewriteIssuer  bool
	MetadataPatch  wellknown.Patch
	CORS           *cors.Cors // nil: none
	LogLevel       slog.Level
	LogJSON        bool
}

// Warnings returns what is valid but probably unintended, with a listener at an address.
func (s Settings) Warnings(listen string) (found []string) {
	entry := localPeer(listen)        // connections from it do not show the client
	peer, _ := netip.ParseAddr(entry) // zero: a Unix socket
	if entry != "" && (s.ClientAuth.Failures.Burst > 0 || s.ClientAuth.Failures.AddressBurst > 0) && !s.Proxies.Trusts(peer) {
		found = append(found, "client_auth.failures: has no effect, because all connections to "+listen+" come from this host; "+
			"if the proxy in front of it sets X-Forwarded-For, set trusted_proxies: ["+entry+"]")
	}
	if s.TLS.CertFile == "" && len(s.TrustedProxies) == 0 && entry == "" {
		found = append(found, "listen: other hosts can connect to "+listen+" without TLS, and requests carry client secrets; "+
			"set tls, or set trusted_proxies to the proxy that terminates TLS")
	}
	if s.Endpoints[clientauth.Authorization] != nil && s.Repair.Requests.IsZero() && !s.Clients.HasPublic() {
		found = append(found, "endpoints.authorization: has no effect without repair.requests or a public client, and the path passes through; set repair.requests or clients, or remove endpoints.authorization")
	}
	found = append(found, s.clientWarnings()...)
	info, err := os.Stat(s.Audit.File) // a device such as /dev/null or a terminal keeps no records
	if s.Audit.File != standardOutput && err == nil && !info.Mode().IsRegular() && info.Mode().Type() != os.ModeNamedPipe {
		found = append(found, "audit.file: "+s.Audit.File+" is neither a regular file nor a pipe, so records may be lost; name a file, a pipe, or - for standard output")
	}
	secrets := []string{s.Admin.WebConfigFile, s.TLS.KeyFile, s.Upstream.KeyFile, s.State.PasswordFile}
	for _, c := range s.Clients.All() {
		secrets = append(secrets, c.SecretFile)
	}
	slices.Sort(secrets)
	for _, name := range slices.Compact(secrets) {
		if info, err := os.Stat(name); err == nil && info.Mode()&0o004 != 0 {
			found = append(found, fmt.Sprintf("%s holds a secret and is readable by all users of this host; its mode is %04o", name, info.Mode().Perm()))
		}
	}
	return found
}

// localPeer returns the address of all clients of a listener, as in trusted_proxies, if only
// this host can connect to it, or nothing.
func localPeer(listen string) string {
	host, _, _ := net.SplitHostPort(listen)
	ip, _ := netip.ParseAddr(host)
	switch {
	case strings.HasPrefix(listen, socketPrefix):
		return trustedproxy.UnixSocket
	case ip == netip.IPv6Loopback():
		return "::1"
	case ip.Unmap().IsLoopback(), strings.EqualFold(host, "localhost"):
		return "127.0.0.1" // also of connections to other addresses in 127.0.0.0/8
	}
	return ""
}

// RestartRequired returns the keys that differ in next and that a reload cannot change.
func (s Settings) RestartRequired(next Settings) (keys []string) {
	for key, differs := range map[string]bool{
		"listen":                s.Listen != next.Listen,
		"admin.listen":          s.Admin.Listen != next.Admin.Listen,
		"max_connections":       s.MaxConnections != next.MaxConnections,
		"max_header_bytes":      s.MaxHeaderBytes != next.MaxHeaderBytes,
		"timeouts":              s.Timeouts != next.Timeouts,
		"admin.web_config_file": s.Admin.WebConfigFile != next.Admin.WebConfigFile,
		"state.redis":           s.State.Redis != next.State.Redis,
		"state.ca_file":         s.State.CAFile != next.State.CAFile || !s.StateRoots.Equal(next.StateRoots),
		"tls":                   (s.TLS == CertificateConfig{}) != (next.TLS == CertificateConfig{}), // another certificate needs none
	} {
		if differs {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// settings converts a configuration and adds its errors.
func (v *validator) settings(c Config) Settings {
	v.check(c)
	files := []string{v.file, c.Admin.WebConfigFile, c.TLS.CertFile, c.TLS.KeyFile, c.Upstream.CAFile, c.Upstream.CertFile, c.Upstream.KeyFile, c.State.PasswordFile, c.State.CAFile}
	table := v.clients(c)
	for _, client := range table.All() {
		files = append(files, client.SecretFile)
		for _, i := range client.Assertions {
			files = append(files, i.JWKSFile, i.CAFile)
		}
	}
	password, roots := v.state(c.State)
	u, socket := v.upstream(c)
	own := v.certificate("upstream", CertificateConfig{c.Upstream.CertFile, c.Upstream.KeyFile})
	var level slog.Level
	_ = level.UnmarshalText([]byte(oneOf(v, "log.level", c.Log.Level, "debug", "info", "warn", "error"))) // reported
	return Settings{
		Config:         c,
		Files:          slices.DeleteFunc(files, func(name string) bool { return name == "" }),
		MaxConnections: maxConnections(c.MaxConnections),
		AdminHosts:     v.adminHosts(c.Admin.AllowedHosts),
		Certificate:    v.certificate("tls", c.TLS),
		Proxies:        v.proxies(c),
		PublicOrigin:   v.origin("public_url", c.PublicURL, "https://login.example.com"),
		UpstreamOrigin: u, UpstreamSocket: socket, UpstreamTLS: v.upstreamTLS(c, own), UpstreamCert: own,
		Endpoints:     v.endpoints(c.Endpoints),
		Rules:         v.rules(c),
		Clients:       table,
		StatePassword: password, StateRoots: roots,
		Challenge:     oneOf(v, "client_auth.challenge", c.ClientAuth.Challenge, proxy.ChallengeAlways, proxy.ChallengeBasic),
		RewriteIssuer: oneOf(v, "metadata.issuer", c.Metadata.Issuer, "preserve", "rewrite") == "rewrite",
		MetadataPatch: v.patch(c.Metadata.Patch),
		CORS:          v.cors(c.CORS.AllowedOrigins),
		LogLevel:      level,
		LogJSON:       oneOf(v, "log.format", c.Log.Format, "json", "text") == "json",
	}
}
