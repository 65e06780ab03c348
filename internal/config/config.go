// Package config loads and validates the configuration file, and reports every error in it.
package config

import (
	"time"

	"oauthgw/internal/authlimit"
	"oauthgw/internal/clients"
	"oauthgw/internal/repair"
	"oauthgw/internal/trustedproxy"
	"oauthgw/wellknown"
)

// Config is the configuration file: its fields are the keys, as in config.example.yaml.
//
// A new key also needs its default, a check, an entry in [Settings.RestartRequired] if a reload
// cannot change it, and entries in config.example.yaml, schema and docs/configuration.md.
type Config struct {
	Listen             string            `yaml:"listen"`           // host:port or unix:/path
	MaxConnections     int               `yaml:"max_connections"`  // 0: half of the file descriptors, at most 3000
	MaxHeaderBytes     int               `yaml:"max_header_bytes"` // of a request, with the request line
	Timeouts           TimeoutConfig     `yaml:"timeouts"`
	TLS                CertificateConfig `yaml:"tls"`                  // empty: plain http
	TrustedProxies     []string          `yaml:"trusted_proxies"`      // addresses, networks, unix
	ClientIPHeader     string            `yaml:"client_ip_header"`     // written by trusted proxies
	TrustForwardedHost bool              `yaml:"trust_forwarded_host"` // trusted proxies write X-Forwarded-Host
	PublicURL          string            `yaml:"public_url"`           // empty: from the provider's metadata
	Admin              struct {
		Listen        string   `yaml:"listen"`
		AllowedHosts  []string `yaml:"allowed_hosts"`   // besides IP addresses, localhost and the host of listen
		WebConfigFile string   `yaml:"web_config_file"` // of exporter-toolkit; empty: plain http
	} `yaml:"admin"`
	Upstream struct {
		URL               string        `yaml:"url"`         // the provider's origin or unix:/path; the one required key
		Host              string        `yaml:"host"`        // of every request to the provider; empty: the client's
		ServerName        string        `yaml:"server_name"` // in TLS; empty: the host of URL
		Issuer            string        `yaml:"issuer"`      // empty: any
		CAFile            string        `yaml:"ca_file"`     // empty: the system's roots
		CertFile          string        `yaml:"cert_file"`   // the client certificate for mutual TLS
		KeyFile           string        `yaml:"key_file"`
		Timeout           time.Duration `yaml:"timeout"`            // of a request to a fronted endpoint
		MaxConnectionAge  time.Duration `yaml:"max_connection_age"` // after which a connection is not used again
		InsecurePlaintext bool          `yaml:"insecure_plaintext"` // allow http to another host
		ClientAuth        string        `yaml:"client_auth"`        // how it reads client credentials: client_secret_post or client_secret_basic
	} `yaml:"upstream"`
	Endpoints   map[string]string `yaml:"endpoints"`   // paths by name; empty: from the provider's metadata
	Passthrough bool              `yaml:"passthrough"` // proxy every other path unchanged
	ClientAuth  struct {
		BasicDecoding            string              `yaml:"basic_decoding"` // auto, form or raw
		Conflict                 string              `yaml:"conflict"`       // differing, any or report
		Challenge                string              `yaml:"challenge"`      // always or basic
		InsecureQueryCredentials bool                `yaml:"insecure_query_credentials"`
		Realm                    string              `yaml:"realm"` // empty: the issuer
		Failures                 authlimit.Config    `yaml:"failures"`
		Clients                  map[string]struct { // by client_id
			BasicDecoding string `yaml:"basic_decoding"`
		} `yaml:"clients"`
		Repeatable []string `yaml:"repeatable"` // further parameters that may repeat
	} `yaml:"client_auth"`
	Clients      map[string]clients.Config `yaml:"clients"` // by client_id at the provider
	State        StateConfig               `yaml:"state"`
	Registration struct {
		Translate           bool   `yaml:"translate"`            // client_secret_basic to client_secret_post
		ClientConfiguration string `yaml:"client_configuration"` // path; empty: none
	} `yaml:"registration"`
	Metadata struct {
		Issuer   string        `yaml:"issuer"`    // preserve or rewrite
		TTL      time.Duration `yaml:"ttl"`       // of a cached document
		StaleFor time.Duration `yaml:"stale_for"` // after TTL, while the provider fails
		Entries  int           `yaml:"entries"`   // cached documents
		Patch    PatchConfig   `yaml:"patch"`
	} `yaml:"metadata"`
	Resources []wellknown.Resource `yaml:"resources"` // whose metadata is generated if the provider has none
	Repair    struct {
		Requests repair.Requests `yaml:"requests"`
		Replies  repair.Replies  `yaml:"replies"`
	} `yaml:"repair"`
	CORS struct {
		AllowedOrigins []string `yaml:"allowed_origins"`
	} `yaml:"cors"`
	Drain struct {
		Delay   time.Duration `yaml:"delay"`   // from SIGTERM to the close of the listeners
		Timeout time.Duration `yaml:"timeout"` // of in-flight requests after that
	} `yaml:"drain"`
	Audit struct {
		File string `yaml:"file"` // "-": standard output; empty: none
	} `yaml:"audit"`
	Log struct {
		Level  string `yaml:"level"`  // debug, info, warn or error
		Format string `yaml:"format"` // json or text
	} `yaml:"log"`
}

// TimeoutConfig is how long clients may keep the gateway waiting.
type TimeoutConfig struct {
	Header time.Duration `yaml:"header"` // until a request header is complete, with the TLS handshake
	Idle   time.Duration `yaml:"idle"`   // between two requests on a connection
	Stall  time.Duration `yaml:"stall"`  // a pause in an upload, and three times that in a download
}

// CertificateConfig names the PEM files of a certificate chain and its private key.
type CertificateConfig struct {
	CertFile string `yaml:"cert_file"` // the leaf first
	KeyFile  string `yaml:"key_file"`  // without a passphrase
}

// StateConfig says where replicas share used client assertions and failed authentications.
type StateConfig struct {
	Redis             string `yaml:"redis"`         // URL; empty: each replica keeps them in memory
	PasswordFile      string `yaml:"password_file"` // one line end at its end is dropped
	CAFile            string `yaml:"ca_file"`       // empty: the system's roots
	InsecurePlaintext bool   `yaml:"insecure_plaintext"`
}

// PatchConfig corrects members of the provider's metadata, by name.
type PatchConfig struct {
	Set    map[string]any   `yaml:"set"`
	Remove []string         `yaml:"remove"`
	Add    map[string][]any `yaml:"add"` // to the end of lists, unless they are there
}

// Default returns the configuration of an empty file.
func Default() Config {
	var c Config
	c.Listen = "127.0.0.1:8080"
	c.Admin.Listen = "127.0.0.1:9180"
	c.MaxHeaderBytes = 16 << 10
	c.Timeouts = TimeoutConfig{Header: 5 * time.Second, Idle: 75 * time.Second, Stall: 10 * time.Second}
	c.ClientIPHeader = trustedproxy.ForwardedFor
	c.Upstream.Timeout = 15 * time.Second
	c.Upstream.MaxConnectionAge = 5 * time.Minute
	c.Upstream.ClientAuth = "client_secret_post"
	c.Passthrough = true
	c.ClientAuth.BasicDecoding = "auto"
	c.ClientAuth.Conflict = "differing"
	c.ClientAuth.Challenge = "always"
	c.ClientAuth.Failures = authlimit.Config{Burst: 10, AddressBurst: 100, Interval: 6 * time.Second}
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
