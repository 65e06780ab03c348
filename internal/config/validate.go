package config

import (
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
	"oauthgw/internal/trustedproxy"

	"github.com/rs/cors"
)

const (
	invalidPort = "the port must be a number from 0 to 65535, as in %s"
	tooLong     = "must be at most 8760h"

	socketPrefix   = "unix:" // starts the address of a Unix socket
	standardOutput = "-"     // the name of standard output

	defaultMaxConnections = 3000 // without TLS they use at most 256 MiB, even with slow clients, large headers and a slow provider
	reservedFiles         = 64   // file descriptors reserved for everything but connections
)

func (v *validator) check(c Config) {
	v.address("listen", c.Listen)
	v.address("admin.listen", c.Admin.Listen)
	v.webConfigFile(c.Admin.WebConfigFile)
	v.auditFile(c.Audit.File)
	v.upstreamNames(c)
	v.issuer("upstream.issuer", c.Upstream.Issuer)
	v.path("registration.client_configuration", c.Registration.ClientConfiguration)
	// A quoted-string holds no control characters (RFC 9110 section 5.6.4).
	v.require(!strings.ContainsFunc(c.ClientAuth.Realm, unicode.IsControl), "client_auth.realm", "must not hold control characters")
	v.require(c.Metadata.Issuer != "rewrite" || c.PublicURL != "", "metadata.issuer", "rewrite requires public_url, the origin of the rewritten issuer")
	v.require(c.Metadata.Entries > 0, "metadata.entries", "must be at least 1")
	// net/http cannot enforce less than 4 KiB, and each connection may hold a header.
	v.require(c.MaxHeaderBytes >= 8<<10 && c.MaxHeaderBytes <= 1<<20, "max_header_bytes", "must be from 8192 to 1048576")
	oneOf(v, "client_ip_header", c.ClientIPHeader, trustedproxy.ForwardedFor, trustedproxy.RealIP, trustedproxy.ConnectingIP)
	v.require(c.ClientIPHeader == trustedproxy.ForwardedFor || len(c.TrustedProxies) > 0, "client_ip_header", "is read from trusted proxies only; set trusted_proxies to the addresses of the proxies that write it")
	for key, n := range map[string]int{
		"max_connections": c.MaxConnections, "client_auth.failures.burst": c.ClientAuth.Failures.Burst, "client_auth.failures.address_burst": c.ClientAuth.Failures.AddressBurst,
	} {
		v.require(n >= 0, key, "must not be negative")
	}
	v.resources(c)
	v.repairRequests(c.Repair.Requests)
	v.repairReplies(c.Repair.Replies)
	v.durations(c)
}

func (v *validator) durations(c Config) {
	const longest = 8760 * time.Hour // a year: sums and multiples do not overflow
	for key, d := range map[string]time.Duration{
		"metadata.stale_for": c.Metadata.StaleFor, "drain.delay": c.Drain.Delay, "upstream.max_connection_age": c.Upstream.MaxConnectionAge,
	} {
		v.require(d >= 0, key, "must not be negative")
		v.require(d <= longest, key, tooLong)
	}
	for key, d := range map[string]time.Duration{
		"upstream.timeout": c.Upstream.Timeout, "metadata.ttl": c.Metadata.TTL, "drain.timeout": c.Drain.Timeout,
		"client_auth.failures.interval": c.ClientAuth.Failures.Interval,
		"timeouts.header":               c.Timeouts.Header, "timeouts.idle": c.Timeouts.Idle, "timeouts.stall": c.Timeouts.Stall,
	} {
		v.require(d > 0, key, "must be longer than zero, such as 15s")
		v.require(d <= longest, key, tooLong)
	}
}

// oneOf returns a value, and reports an error if it is not one of the allowed values.
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

func (v *validator) address(key, value string) {
	if path, ok := strings.CutPrefix(value, socketPrefix); ok && path != "" {
		isAbstract := path[0] == '@' || path[0] == 0
		v.require(!isAbstract, key, "must not be an abstract socket, because every user of this host could connect to it; use a path such as unix:/run/oauthgw/oauthgw.sock")
		v.require(isAbstract || path[0] == '/', key, "must name the socket by its whole path, such as unix:/run/oauthgw/oauthgw.sock")
		return
	}
	host, port, err := net.SplitHostPort(value)
	if err != nil || !isHost(host) && host != "" {
		v.addf(key, "must be host:port or unix:/path, such as 127.0.0.1:8080, or :8080 for all addresses of this host")
		return
	}
	if port == "" || !isPort(port) {
		v.addf(key, invalidPort, "127.0.0.1:8080")
	}
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

func isHost(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil || hostName.MatchString(text)
}

// isPort reports whether a port is a valid number or the name of a service on this system.
func isPort(port string) bool {
	_, err := net.LookupPort("tcp", port)
	return err == nil
}

// maxConnections returns n or, if n is 0, a default that fits the file descriptor limit. Each
// client connection may need a second descriptor for the provider.
func maxConnections(n int) int {
	if n != 0 {
		return n
	}
	var files syscall.Rlimit
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) // the arguments are valid
	enough := min(files.Cur, 2*defaultMaxConnections+reservedFiles)
	return max(1, (int(enough)-reservedFiles)/2) // #nosec G115 -- min above bounds it
}

func (v *validator) adminHosts(values []string) []string {
	var hosts []string
	for _, value := range values {
		host := strings.ToLower(value)
		if u := origin.Of("http://" + host); u == nil || u.Port() != "" || origin.Serialize(u) != "http://"+host {
			v.addf("admin.allowed_hosts", "each must be a host name without scheme, port or path, such as oauthgw.login.svc; %q is not one", value)
		}
		hosts = append(hosts, strings.TrimSuffix(host, "."))
	}
	return hosts
}

func (v *validator) proxies(c Config) trustedproxy.Proxies {
	proxies, err := trustedproxy.Parse(c.TrustedProxies, c.ClientIPHeader, c.TrustForwardedHost)
	if err != nil {
		v.addf("trusted_proxies", "each must be an IP address, a network such as 10.0.0.0/8 (/0 is not allowed), or unix; %s", err)
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
		Repeatable:               v.repeatable(c.ClientAuth.Repeatable),
	})
}

func (v *validator) decoding(key, value string) clientauth.Decoding {
	return oneOf(v, key, value, clientauth.DecodingAuto, clientauth.DecodingForm, clientauth.DecodingRaw)
}

// cors returns the CORS handler, or nil if no origin is allowed. Each origin must be written
// as browsers send it; patterns and null are invalid.
func (v *validator) cors(allowed []string) *cors.Cors {
	if len(allowed) == 0 {
		return nil
	}
	for _, text := range allowed {
		u := origin.Of(text)
		v.require(u != nil && origin.Serialize(u) == text && !strings.Contains(text, "*") && origin.IsConfidential(u), "cors.allowed_origins",
			"each must be an origin as browsers send it, https or loopback, such as https://app.example.com; "+text+" is not one")
	}
	return cors.New(cors.Options{
		AllowedOrigins: allowed,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete},
		AllowedHeaders: []string{"Authorization", "Content-Type", "DPoP", "MCP-Protocol-Version"},
		// Scripts read the challenge in WWW-Authenticate after a 401.
		ExposedHeaders: []string{"WWW-Authenticate", "DPoP-Nonce", "Retry-After", "X-Request-Id"},
		MaxAge:         600,
	})
}

// state checks how Redis is reached, and returns the password and the CA bundle. No error shows the
// URL, which may hold a password.
func (v *validator) state(c StateConfig) (clientauth.Secret, *x509.CertPool) {
	const key = "state.redis"
	u, err := url.Parse(c.Redis)
	if err != nil {
		u = &url.URL{}
	}
	_, hasPassword := u.User.Password()
	switch {
	case c.Redis == "":
		v.require(c.PasswordFile == "", "state.password_file", "has no effect without state.redis; set it, or remove this key")
	case hasPassword:
		v.addf(key, "must not hold a password; write it into a file, and name that in state.password_file")
	case !isRedis(u) || strings.Contains(c.Redis, "#"):
		v.addf(key, "must be a URL such as redis://127.0.0.1:6379/0, rediss://user@redis.example:6379 or unix:///run/redis.sock, without options; write a password into a file, and name that in state.password_file")
	case u.Scheme == "redis" && !origin.IsConfidential(u) && !c.InsecurePlaintext:
		v.addf(key, "redis:// to another host lets the network read the password and change replies; use rediss://, or set state.insecure_plaintext")
	}
	v.require(c.CAFile == "" || u.Scheme == "rediss", "state.ca_file", "is used with TLS only; set state.redis to a rediss URL, or remove this key")
	password := v.secret("state.password_file", c.PasswordFile, "the password of Redis", passwordCharacters, "the password as one line; remove other lines and control characters")
	return password, v.roots("state.ca_file", c.CAFile)
}

var (
	passwordCharacters = regexp.MustCompile(`^\P{Cc}*$`)

	databasePath  = regexp.MustCompile(`^/?[0-9]{0,5}$`)
	databaseQuery = regexp.MustCompile(`^(?:db=[0-9]{1,5})?$`) // other options would change timeouts and TLS
)

// isRedis reports whether a URL names a server or a socket, perhaps with a user and the number of a database.
func isRedis(u *url.URL) bool {
	if u.Scheme == "unix" {
		return u.Host == "" && strings.HasPrefix(u.Path, "/") && databaseQuery.MatchString(u.RawQuery)
	}
	return (u.Scheme == "redis" || u.Scheme == "rediss") && isAuthority(u) && databasePath.MatchString(u.Path) && u.RawQuery == ""
}
