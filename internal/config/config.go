// Package config loads the configuration file, applies defaults, validates it and reports
// every error with its file, line and key.
//
// [Load] returns [Settings], in which nothing is left to be wrong, or [Errors].
package config

import "time"

// Config is the configuration file as it is written: the fields are its keys.
// Every key has a default; config.example.yaml shows them all.
type Config struct {
	// Listen is the address that clients reach: host:port or unix:/path.
	Listen string `yaml:"listen"`
	// MaxConnections bounds the connections of clients that are open at a time.
	// Streams hold at most 75 % of them, uploads 25 %. Zero means half of the file
	// descriptors that the process may have, and at most 3000.
	MaxConnections int `yaml:"max_connections"`
	// TLS is the certificate that clients are shown. Empty means plain http,
	// behind something that ends TLS.
	TLS CertificateConfig `yaml:"tls"`
	// TrustedProxies are those whose word on where a request came from is taken:
	// addresses, networks such as 10.0.0.0/8, and unix for whoever connects to a
	// Unix socket. Empty means nobody.
	TrustedProxies []string `yaml:"trusted_proxies"`
	// TrustForwardedHost says that the trusted proxies write X-Forwarded-Host
	// themselves. Otherwise it may be the client's, and the Host of the request is
	// sent in its place.
	TrustForwardedHost bool `yaml:"trust_forwarded_host"`
	// PublicURL is the origin that clients use. Empty means the one that the
	// provider's metadata names.
	PublicURL string `yaml:"public_url"`
	// Admin is what operators reach.
	Admin struct {
		// Listen is the address of metrics and health: host:port or unix:/path.
		Listen string `yaml:"listen"`
		// AllowedHosts are further host names under which that listener may be
		// reached, without port. IP addresses, localhost and the name in listen are
		// always accepted. Requests under any other Host are refused, health paths
		// aside: a web page could point a name of its own at the listener.
		AllowedHosts []string `yaml:"allowed_hosts"`
		// WebConfigFile holds the TLS and the basic auth of that listener, as the
		// exporters of Prometheus take them. Empty means plain http for everyone.
		WebConfigFile string `yaml:"web_config_file"`
	} `yaml:"admin"`
	// Upstream is the provider.
	Upstream struct {
		// URL is the provider's origin, or unix:/path of its socket. The one key
		// without which nothing works.
		URL string `yaml:"url"`
		// Issuer is the provider's issuer identifier: metadata that names another
		// is not served, and its path tells where metadata is. Empty means any, at
		// the root.
		Issuer string `yaml:"issuer"`
		// CAFile holds the certificates, in PEM, that vouch for the provider.
		// Empty means those of the system.
		CAFile string `yaml:"ca_file"`
		// CertFile and KeyFile are what the provider is shown (mutual TLS). Empty
		// means nothing.
		CertFile string `yaml:"cert_file"`
		KeyFile  string `yaml:"key_file"`
		// Timeout bounds a request to a fronted endpoint.
		Timeout time.Duration `yaml:"timeout"`
		// InsecurePlaintext allows plain http to another host than this one.
		InsecurePlaintext bool `yaml:"insecure_plaintext"`
	} `yaml:"upstream"`
	// Endpoints are the paths of the fronted endpoints by name. Empty means
	// those that the provider's metadata names.
	Endpoints map[string]string `yaml:"endpoints"`
	// Passthrough carries every other path to the provider as it is.
	Passthrough bool `yaml:"passthrough"`
	// ClientAuth is how clients authenticate.
	ClientAuth struct {
		// BasicDecoding is auto, form or raw.
		BasicDecoding string `yaml:"basic_decoding"`
		// Conflict is differing, any or report.
		Conflict string `yaml:"conflict"`
		// Challenge is always or basic.
		Challenge string `yaml:"challenge"`
		// InsecureQueryCredentials accepts client secrets in the request URI.
		InsecureQueryCredentials bool `yaml:"insecure_query_credentials"`
		// Realm is the realm of challenges. Empty means the issuer.
		Realm string `yaml:"realm"`
		// Failures limits failed client authentication by a secret, per IPv4 address
		// or IPv6 /64.
		Failures struct {
			// Burst is the number of failures that one client id may have at one address
			// before it must wait. Zero means any number.
			Burst int `yaml:"burst"`
			// AddressBurst is the number of failures that one address may have over all
			// client ids before it must wait. Zero means any number.
			AddressBurst int `yaml:"address_burst"`
			// Interval is the time after which one more failure is allowed.
			Interval time.Duration `yaml:"interval"`
		} `yaml:"failures"`
		// Clients holds what differs for single clients, by client_id.
		Clients map[string]ClientConfig `yaml:"clients"`
	} `yaml:"client_auth"`
	// Registration is how clients register (RFC 7591, RFC 7592).
	Registration struct {
		// Translate restates client_secret_basic as client_secret_post for a
		// provider that records the method of each client.
		Translate bool `yaml:"translate"`
		// ClientConfiguration is the path below which clients manage their
		// registration (RFC 7592), besides the path of the registration endpoint.
		// Empty means none.
		ClientConfiguration string `yaml:"client_configuration"`
	} `yaml:"registration"`
	// Metadata is what clients are told of the provider (RFC 8414).
	Metadata struct {
		// Issuer is preserve or rewrite.
		Issuer string `yaml:"issuer"`
		// TTL is how long a document is served without asking the provider.
		TTL time.Duration `yaml:"ttl"`
		// StaleFor is how long beyond that it is served while the provider fails.
		StaleFor time.Duration `yaml:"stale_for"`
		// Entries bounds the number of documents kept.
		Entries int `yaml:"entries"`
		// Patch corrects what the provider's metadata gets wrong.
		Patch PatchConfig `yaml:"patch"`
	} `yaml:"metadata"`
	// CORS is what pages of other origins may read.
	CORS struct {
		// AllowedOrigins are the origins whose pages may read the answers of the
		// fronted endpoints and the metadata. Empty means none.
		AllowedOrigins []string `yaml:"allowed_origins"`
	} `yaml:"cors"`
	// Drain is how it ends on a SIGTERM.
	Drain struct {
		// Delay is how long requests are still answered after a SIGTERM, while
		// whoever sends clients here learns to send them elsewhere.
		Delay time.Duration `yaml:"delay"`
		// Timeout bounds how long the exchanges under way may then take.
		Timeout time.Duration `yaml:"timeout"`
	} `yaml:"drain"`
	// Audit is the record of who authenticated how.
	Audit struct {
		// File receives a record of each client authentication. "-" means standard
		// output. Empty means none.
		File string `yaml:"file"`
	} `yaml:"audit"`
	// Log is what is logged, to standard error.
	Log struct {
		// Level is debug, info, warn or error.
		Level string `yaml:"level"`
		// Format is json or text.
		Format string `yaml:"format"`
	} `yaml:"log"`
}

// CertificateConfig names the files of a certificate chain and of its key, both
// in PEM. They are read again when they change.
type CertificateConfig struct {
	// CertFile holds the chain, the own certificate first.
	CertFile string `yaml:"cert_file"`
	// KeyFile holds the private key of that certificate, without a passphrase.
	KeyFile string `yaml:"key_file"`
}

// ClientConfig is what differs for one client.
type ClientConfig struct {
	// BasicDecoding is auto, form or raw, for this client.
	BasicDecoding string `yaml:"basic_decoding"`
}

// PatchConfig corrects members of the provider's metadata, by their names.
type PatchConfig struct {
	// Set gives members a value.
	Set map[string]any `yaml:"set"`
	// Remove leaves members out.
	Remove []string `yaml:"remove"`
	// Add puts elements that are missing at the end of lists.
	Add map[string][]any `yaml:"add"`
}

// Default returns the configuration of an empty file.
func Default() Config {
	var c Config
	c.Listen = "127.0.0.1:8080"
	c.Admin.Listen = "127.0.0.1:9090"
	c.Upstream.Timeout = 15 * time.Second
	c.Passthrough = true
	c.ClientAuth.BasicDecoding = "auto"
	c.ClientAuth.Conflict = "differing"
	c.ClientAuth.Challenge = "always"
	c.ClientAuth.Failures.Burst = 10
	c.ClientAuth.Failures.AddressBurst = 100
	c.ClientAuth.Failures.Interval = 6 * time.Second
	c.Registration.Translate = true
	c.Metadata.Issuer = "preserve"
	c.Metadata.TTL = time.Minute
	c.Metadata.StaleFor = 24 * time.Hour
	c.Metadata.Entries = 128
	c.Drain.Delay = 5 * time.Second
	c.Drain.Timeout = 20 * time.Second
	c.Log.Level = "info"
	c.Log.Format = "json"
	return c
}
