package config

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
	"oauthgw/internal/printable"
	"oauthgw/internal/trustedproxy"

	"github.com/rs/cors"
)

const (
	socketPrefix   = "unix:" // of the address of a Unix socket
	standardOutput = "-"     // the name of standard output

	defaultMaxConnections = 3000 // take at most 256 MiB, with slow clients, large headers and a slow provider
	reservedFiles         = 64   // descriptors that are not for connections
)

// Error is one error of a configuration. oauthgw check prints its JSON.
type Error struct {
	File    string   `json:"file,omitempty"`    // empty: not in the configuration file
	Line    int      `json:"line,omitempty"`    // from 1; zero: the whole file
	Flag    bool     `json:"flag,omitempty"`    // the flag of that name gave the value of Key
	Key     string   `json:"key,omitempty"`     // in full, such as upstream.url; empty: no key
	Message string   `json:"message"`           // what is wrong and what to write instead
	Allowed []string `json:"allowed,omitempty"` // the words that can be written, if they are few
}

// Error returns FILE:LINE: KEY: MESSAGE on one line, without the parts that are unknown.
func (e Error) Error() string {
	position, key := e.File, e.Key
	if e.Line > 0 {
		position += ":" + strconv.Itoa(e.Line)
	}
	if e.Flag {
		key = "--" + key
	}
	known := slices.DeleteFunc([]string{position, key, e.Message}, func(part string) bool { return part == "" })
	return printable.Text(strings.Join(known, ": "))
}

// Errors are all errors of a configuration, by line and key.
type Errors []Error

// Error returns a line for each error.
func (l Errors) Error() string {
	lines := make([]string, len(l))
	for i, e := range l {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// validator collects errors, so that all are reported at once.
type validator struct {
	file      string
	overrides map[string]string // values of flags, by key
	lines     map[string]int    // by key
	found     Errors
}

// addAt adds an error at a line of the file. Zero means the whole file.
func (v *validator) addAt(line int, key, format string, args ...any) {
	v.found = append(v.found, Error{File: v.file, Line: line, Key: key, Message: fmt.Sprintf(format, args...)})
}

// addf adds an error about a key, such as upstream.url.
func (v *validator) addf(key, format string, args ...any) {
	v.add(Error{Key: key, Message: fmt.Sprintf(format, args...)})
}

// add adds an error with the position of its key or of the innermost section around it.
func (v *validator) add(e Error) {
	if _, e.Flag = v.overrides[e.Key]; !e.Flag {
		e.File = v.file
		for key := e.Key; e.Line == 0 && key != ""; key = key[:max(0, strings.LastIndexByte(key, '.'))] {
			e.Line = v.lines[key]
		}
	}
	v.found = append(v.found, e)
}

func (v *validator) require(ok bool, key, message string) {
	if !ok {
		v.addf(key, "%s", message)
	}
}

// err returns the errors by line and key, each once, or nil.
func (v *validator) err() error {
	if len(v.found) == 0 {
		return nil
	}
	slices.SortStableFunc(v.found, func(a, b Error) int { return cmp.Or(a.Line-b.Line, strings.Compare(a.Key, b.Key)) })
	return slices.CompactFunc(v.found, func(a, b Error) bool { return a.Error() == b.Error() })
}

func (v *validator) check(c Config) {
	v.address("listen", c.Listen)
	v.address("admin.listen", c.Admin.Listen)
	v.webConfigFile(c.Admin.WebConfigFile)
	v.auditFile(c.Audit.File)
	v.issuer("upstream.issuer", c.Upstream.Issuer)
	v.path("registration.client_configuration", c.Registration.ClientConfiguration)
	// A quoted-string holds no control characters (RFC 9110 section 5.6.4).
	v.require(!strings.ContainsFunc(c.ClientAuth.Realm, unicode.IsControl), "client_auth.realm", "must not hold control characters")
	v.require(c.Metadata.Issuer != "rewrite" || c.PublicURL != "", "metadata.issuer", "rewrite needs public_url: the origin that the issuer becomes")
	v.require(c.Metadata.Entries > 0, "metadata.entries", "must be at least 1")
	for key, n := range map[string]int{
		"max_connections": c.MaxConnections, "metadata.stale_for": int(c.Metadata.StaleFor), "drain.delay": int(c.Drain.Delay),
		"client_auth.failures.burst": c.ClientAuth.Failures.Burst, "client_auth.failures.address_burst": c.ClientAuth.Failures.AddressBurst,
	} {
		v.require(n >= 0, key, "must not be negative")
	}
	for key, d := range map[string]time.Duration{
		"upstream.timeout": c.Upstream.Timeout, "metadata.ttl": c.Metadata.TTL, "drain.timeout": c.Drain.Timeout,
		"client_auth.failures.interval": c.ClientAuth.Failures.Interval,
	} {
		v.require(d > 0, key, "must be longer than zero, such as 15s")
	}
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

// address checks the address of a listener.
func (v *validator) address(key, value string) {
	if path, ok := strings.CutPrefix(value, socketPrefix); ok && path != "" {
		isAbstract := path[0] == '@' || path[0] == 0
		v.require(!isAbstract, key, "an abstract socket has no permissions, so that every user of this host could connect; name a socket in a directory, such as unix:/run/oauthgw/oauthgw.sock")
		return
	}
	_, port, err := net.SplitHostPort(value)
	v.require(err == nil && port != "" && isPort(port), key, "must be host:port or unix:/path, such as 127.0.0.1:8080")
}

// isPort reports whether a port is a number that ports have, or a name that the system knows.
func isPort(port string) bool {
	_, err := net.LookupPort("tcp", port)
	return err == nil
}

// maxConnections returns the limit of connections. Each may need one to the provider as well.
func maxConnections(n int) int {
	if n != 0 {
		return n
	}
	var files syscall.Rlimit
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) // the arguments are valid
	enough := min(files.Cur, 2*defaultMaxConnections+reservedFiles)
	return max(1, (int(enough)-reservedFiles)/2) // #nosec G115 -- it is small by now
}

func (v *validator) adminHosts(values []string) []string {
	var hosts []string
	for _, value := range values {
		host := strings.ToLower(value)
		if u := origin.Of("http://" + host); u == nil || u.Port() != "" || origin.Serialize(u) != "http://"+host {
			v.addf("admin.allowed_hosts", "each must be a host name without scheme, port and path, such as oauthgw.login.svc; %q is not one", value)
		}
		hosts = append(hosts, strings.TrimSuffix(host, "."))
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

// cors returns the handler of the CORS protocol, or nil. Origins are no patterns.
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
		// A refused page needs the challenge.
		ExposedHeaders: []string{"WWW-Authenticate", "DPoP-Nonce", "Retry-After", "X-Request-Id"},
		MaxAge:         600,
	})
}
