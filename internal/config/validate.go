package config

import (
	"fmt"
	"log/slog"
	"net"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"

	"oauthgw/clientauth"
	"oauthgw/internal/authlimit"
	"oauthgw/internal/trustedproxy"
	"oauthgw/proxy"
)

const (
	socketPrefix   = "unix:" // of the address of a Unix socket
	standardOutput = "-"     // the name of standard output

	// defaultMaxConnections is the most without max_connections. So many connections take at
	// most 256 MiB: slow clients with large headers whose requests the provider delays.
	defaultMaxConnections = 3000
	// reservedFiles are the descriptors that are not for connections.
	reservedFiles = 64
)

// Validate returns the settings of a configuration, or its [Errors].
func (c Config) Validate() (Settings, error) {
	s, errs := c.validate(&positions{})
	return s, errs.err()
}

func (c Config) validate(p *positions) (Settings, Errors) {
	v := &validator{positions: p}
	s := Settings{
		Files:  c.files(p.file),
		Listen: v.address("listen", c.Listen), AdminListen: v.address("admin.listen", c.Admin.Listen),
		MaxConnections:  v.maxConnections(c.MaxConnections),
		WebConfigFile:   v.webConfigFile(c.Admin.WebConfigFile),
		AdminHosts:      v.adminHosts(c.Admin.AllowedHosts),
		Certificate:     v.certificate("tls", c.TLS),
		ReadableSecrets: c.readableSecrets(),
		Proxies:         v.proxies(c),
		PublicURL:       v.origin("public_url", c.PublicURL, "https://login.example.com"),
		Upstream:        v.upstreamURL(c), UpstreamSocket: v.upstreamSocket(c.Upstream.URL),
		UpstreamTLS:           v.upstreamTLS(c),
		UpstreamTimeout:       v.positive("upstream.timeout", c.Upstream.Timeout),
		Endpoints:             v.endpoints(c.Endpoints),
		Passthrough:           c.Passthrough,
		Rules:                 v.rules(c),
		Challenge:             oneOf(v, "client_auth.challenge", c.ClientAuth.Challenge, proxy.ChallengeAlways, proxy.ChallengeBasic),
		Failures:              v.failures(c),
		Realm:                 c.ClientAuth.Realm,
		TranslateRegistration: c.Registration.Translate,
		ClientConfiguration:   v.path("registration.client_configuration", c.Registration.ClientConfiguration),
		Issuer:                v.issuer("upstream.issuer", c.Upstream.Issuer),
		IssuerMode:            v.issuerMode(c),
		MetadataPatch:         v.patch(c.Metadata.Patch),
		MetadataTTL:           v.positive("metadata.ttl", c.Metadata.TTL),
		MetadataStaleFor:      c.Metadata.StaleFor,
		MetadataEntries:       c.Metadata.Entries,
		CORS:                  v.cors(c.CORS.AllowedOrigins),
		DrainDelay:            c.Drain.Delay,
		DrainTimeout:          v.positive("drain.timeout", c.Drain.Timeout),
		AuditFile:             v.auditFile(c.Audit.File),
		LogLevel:              v.level(c.Log.Level),
		LogJSON:               oneOf(v, "log.format", c.Log.Format, "json", "text") == "json",
	}
	v.ranges(c)
	return s, v.found
}

// ranges checks the values that are used as they are.
func (v *validator) ranges(c Config) {
	v.require(c.MaxConnections >= 0, "max_connections", "must not be negative")
	// A quoted-string holds no control characters (RFC 9110 section 5.6.4).
	v.require(!strings.ContainsFunc(c.ClientAuth.Realm, unicode.IsControl), "client_auth.realm", "must not hold control characters")
	v.require(c.Metadata.StaleFor >= 0, "metadata.stale_for", "must not be negative")
	v.require(c.Metadata.Entries >= 1, "metadata.entries", "must be at least 1")
	v.require(c.Drain.Delay >= 0, "drain.delay", "must not be negative")
}

// validator collects errors, so that all are reported at once.
type validator struct {
	positions *positions
	found     Errors
}

// addf adds an error about a key, such as upstream.url.
func (v *validator) addf(key, format string, args ...any) {
	v.add(Error{Key: key, Message: fmt.Sprintf(format, args...)})
}

// add adds an error with the position of its key, unless the decoder has reported one.
func (v *validator) add(e Error) {
	e.File, e.Line, e.Flag = v.positions.locate(e.Key)
	if e.Flag || !v.positions.undecodable(e.Key) {
		v.found = append(v.found, e)
	}
}

func (v *validator) require(ok bool, key, message string) {
	if !ok {
		v.addf(key, "%s", message)
	}
}

func (v *validator) positive(key string, d time.Duration) time.Duration {
	v.require(d > 0, key, "must be longer than zero, such as 15s")
	return d
}

// oneOf returns a value of a closed set.
func oneOf[T ~string](v *validator, key, value string, allowed ...T) T {
	if !slices.Contains(allowed, T(value)) {
		words := texts(allowed)
		v.add(Error{Key: key, Message: "must be one of " + strings.Join(words, ", "), Allowed: words})
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

func (v *validator) level(value string) slog.Level {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	return levels[oneOf(v, "log.level", value, "debug", "info", "warn", "error")]
}

// address checks the address of a listener.
func (v *validator) address(key, value string) string {
	if path, ok := strings.CutPrefix(value, socketPrefix); ok && path != "" {
		isAbstract := path[0] == '@' || path[0] == 0
		v.require(!isAbstract, key, "an abstract socket has no permissions, so that every user of this host could connect; name a socket in a directory, such as unix:/run/oauthgw/oauthgw.sock")
		return value
	}
	_, port, err := net.SplitHostPort(value)
	v.require(err == nil && port != "" && isPort(port), key, "must be host:port or unix:/path, such as 127.0.0.1:8080")
	return value
}

// isPort reports whether a port is a number that ports have, or a name that the system knows.
func isPort(port string) bool {
	_, err := net.LookupPort("tcp", port)
	return err == nil
}

// maxConnections returns the limit of connections. Each may need one to the provider as
// well, so by default it is half of the descriptors.
func (v *validator) maxConnections(n int) int {
	if n != 0 {
		return n
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return defaultMaxConnections
	}
	enough := min(files.Cur, 2*defaultMaxConnections+reservedFiles)
	// #nosec G115 -- it is small by now
	return int(max(1, (int64(enough)-reservedFiles)/2))
}

// hostName matches host names. DNS and some container networks allow an underscore.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$`)

func (v *validator) adminHosts(values []string) []string {
	var hosts []string
	for _, value := range values {
		if !hostName.MatchString(value) {
			v.addf("admin.allowed_hosts", "each must be a host name without scheme, port and path, such as oauthgw.login.svc; %q is not one", value)
		}
		hosts = append(hosts, strings.ToLower(strings.TrimSuffix(value, ".")))
	}
	return hosts
}

func (v *validator) proxies(c Config) trustedproxy.Proxies {
	proxies, err := trustedproxy.Parse(c.TrustedProxies, c.TrustForwardedHost)
	if err != nil {
		v.addf("trusted_proxies", "each must be an address, a network such as 10.0.0.0/8 but not /0, or unix; %s", err)
	}
	return proxies
}

func (v *validator) rules(c Config) *clientauth.Rules {
	clients := map[string]clientauth.Decoding{}
	for id, client := range c.ClientAuth.Clients {
		clients[id] = v.decoding("client_auth.clients."+id+".basic_decoding", client.BasicDecoding)
	}
	return clientauth.New(clientauth.Config{
		Decoding: v.decoding("client_auth.basic_decoding", c.ClientAuth.BasicDecoding),
		Clients:  clients,
		Conflict: oneOf(v, "client_auth.conflict", c.ClientAuth.Conflict,
			clientauth.ConflictDiffering, clientauth.ConflictAny, clientauth.ConflictReport),
		InsecureQueryCredentials: c.ClientAuth.InsecureQueryCredentials,
	})
}

func (v *validator) decoding(key, value string) clientauth.Decoding {
	return oneOf(v, key, value, clientauth.DecodingAuto, clientauth.DecodingForm, clientauth.DecodingRaw)
}

func (v *validator) failures(c Config) authlimit.Config {
	f := c.ClientAuth.Failures
	v.require(f.Burst >= 0, "client_auth.failures.burst", "must not be negative; 0 lets any number pass")
	v.require(f.AddressBurst >= 0, "client_auth.failures.address_burst", "must not be negative; 0 lets any number pass")
	return authlimit.Config{Burst: f.Burst, AddressBurst: f.AddressBurst, Interval: v.positive("client_auth.failures.interval", f.Interval)}
}
