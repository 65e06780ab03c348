package config

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"oauthgw/clientauth"
	"oauthgw/internal/authlimit"
	"oauthgw/internal/trustedproxy"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
)

const (
	// mostConnections is the bound that is not exceeded unasked: each connection
	// takes some kilobytes, whether anything is asked on it or not, and these fit into
	// 256 MiB with all that slow clients can put into them. The most is taken by requests
	// with a large header that the provider does not answer.
	mostConnections = 3000
	// otherFiles are the descriptors that neither clients nor the provider take.
	otherFiles = 64
)

// maxConnections reads the bound of connections. A connection to the provider
// may belong to each of a client, so half of the descriptors is the most that can
// be served.
func (m *validator) maxConnections(n int) int {
	if n < 0 {
		m.addf("max_connections", "must not be negative")
	}
	if n != 0 {
		return n
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return mostConnections
	}
	enough := min(files.Cur, 2*mostConnections+otherFiles) // there may be no bound
	// #nosec G115 -- it is small by now
	return int(max(1, (int64(enough)-otherFiles)/2))
}

// hostNames matches host names, also those with an underscore, which DNS has and
// some container networks use.
var hostNames = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$`)

// adminHosts reads admin.allowed_hosts.
func (m *validator) adminHosts(values []string) []string {
	var hosts []string
	for _, value := range values {
		if !hostNames.MatchString(value) {
			m.addf("admin.allowed_hosts", "each must be a host name without scheme, port and path, such as oauthgw.login.svc; %q is none", value)
		}
		hosts = append(hosts, strings.ToLower(strings.TrimSuffix(value, ".")))
	}
	return hosts
}

// auditFile checks that entries can be written where they are to go. It does not
// make the file: whoever checks a configuration may be another user than the
// gateway.
func (m *validator) auditFile(file string) string {
	if file == "" || file == standardOutput {
		return file
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err == nil {
		_ = f.Close() // nothing was written
		return file
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = roomFor(file)
	}
	if err != nil {
		m.addf("audit.file", "cannot be written: %s", err)
	}
	return file
}

// roomFor returns why a file cannot be made, if that is so.
func roomFor(file string) error {
	dir := filepath.Dir(file)
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("no file can be made in %s: %w", dir, err)
	}
	return nil
}

// socketPrefix begins the address of a Unix socket.
const socketPrefix = "unix:"

// standardOutput is the name of standard output, in place of a file's.
const standardOutput = "-"

func (m *validator) address(key, value string) string {
	if path, ok := strings.CutPrefix(value, socketPrefix); ok && path != "" {
		// Both spellings mean an abstract socket, which is in no directory.
		if path[0] == '@' || path[0] == 0 {
			m.addf(key, "an abstract socket has no permissions, so that every user of this host could connect; name a socket in a directory, such as unix:/run/oauthgw/oauthgw.sock")
		}
		return value
	}
	if _, port, err := net.SplitHostPort(value); err != nil || port == "" || !isPort(port) {
		m.addf(key, "must be host:port or unix:/path, such as 127.0.0.1:8080")
	}
	return value
}

// isPort reports whether a port is a number that ports have, or a name that the
// system knows.
func isPort(port string) bool {
	_, err := net.LookupPort("tcp", port)
	return err == nil
}

func (m *validator) positive(key string, d time.Duration) time.Duration {
	if d <= 0 {
		m.addf(key, "must be longer than zero, such as 15s")
	}
	return d
}

func (m *validator) notNegative(key string, d time.Duration) time.Duration {
	if d < 0 {
		m.addf(key, "must not be negative")
	}
	return d
}

// origin reads a URL that has scheme and host and nothing else.
func (m *validator) origin(key, value, example string) *url.URL {
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" || strings.HasSuffix(u.Host, ":") || u.Port() != "" && !isPort(u.Port()) || u.Scheme != "http" && u.Scheme != "https" {
		m.addf(key, "must be an http or https URL, such as %s", example)
		return nil
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		m.addf(key, "must be an origin without user, path, query or fragment, such as %s", example)
		return nil
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}
}

func (m *validator) publicURL(value string) *url.URL {
	if value == "" {
		return nil
	}
	return m.origin("public_url", value, "https://login.example.com")
}

func (m *validator) rules(c Config) *clientauth.Rules {
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

func (m *validator) decoding(key, value string) clientauth.Decoding {
	return oneOf(m, key, value, clientauth.DecodingAuto, clientauth.DecodingForm, clientauth.DecodingRaw)
}

func (m *validator) realm(value string) string {
	// A quoted-string holds no control characters (RFC 9110 section 5.6.4).
	if strings.ContainsFunc(value, unicode.IsControl) {
		m.addf("client_auth.realm", "must not hold control characters")
	}
	return value
}

func (m *validator) level(value string) slog.Level {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	return levels[oneOf(m, "log.level", value, "debug", "info", "warn", "error")]
}

// oneOf reads a value out of a closed set.
func oneOf[T ~string](m *validator, key, value string, allowed ...T) T {
	if !slices.Contains(allowed, T(value)) {
		m.add(Error{Key: key, Message: "must be one of " + list(allowed), Allowed: texts(allowed)})
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

// proxies reads which proxies are trusted, and with what.
func (m *validator) proxies(c Config) trustedproxy.Proxies {
	proxies, err := trustedproxy.Parse(c.TrustedProxies, c.TrustForwardedHost)
	if err != nil {
		m.addf("trusted_proxies", "each must be an address, a network such as 10.0.0.0/8 that is not everybody, or unix; %s", err)
	}
	return proxies
}

// failures reads the limits on failed client authentication.
func (m *validator) failures(c Config) authlimit.Config {
	f := c.ClientAuth.Failures
	if f.Burst < 0 {
		m.addf("client_auth.failures.burst", "must not be negative; 0 lets any number pass")
	}
	if f.AddressBurst < 0 {
		m.addf("client_auth.failures.address_burst", "must not be negative; 0 lets any number pass")
	}
	return authlimit.Config{Burst: f.Burst, AddressBurst: f.AddressBurst, Interval: m.positive("client_auth.failures.interval", f.Interval)}
}
