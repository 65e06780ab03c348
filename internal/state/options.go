package state

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Config configures a [Redis].
type Config struct {
	Redis    string          // URL with the scheme redis, rediss or unix
	Password func() string   // called for each connection; nil: none
	Roots    *x509.CertPool  // of the server's certificate; nil: those of the system
	OnCheck  func(up bool)   // called after each check by [Redis.Watch]
	OnError  func(op string) // called for each failed operation: claim or failures

	dial func(ctx context.Context, network, address string) (net.Conn, error) // in tests
}

// options returns the options of the connections. No command is sent twice: a second SET NX
// would take the first one for a replay.
func (c Config) options() (*redis.Options, error) {
	parsed, err := redis.ParseURL(c.Redis) // its options are not used: some would send commands twice
	if err != nil {
		return nil, errors.New("state.redis: not a URL of Redis; set one such as rediss://redis.example:6379/0 or unix:///run/redis.sock") // err may show a password
	}
	o := &redis.Options{
		Network: parsed.Network, Addr: parsed.Addr, DB: parsed.DB, Dialer: c.dial, Protocol: 2,
		MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true,
		DialTimeout: claimTimeout / 2, ReadTimeout: claimTimeout, WriteTimeout: claimTimeout, PoolTimeout: claimTimeout,
		PoolSize: connections, PipelinePoolSize: -1, MaxConcurrentDials: connections / 4, ReadBufferSize: 4 << 10, WriteBufferSize: 4 << 10,
		// A replaced server or a changed password is noticed within minutes.
		ConnMaxIdleTime: time.Minute, ConnMaxLifetime: 5 * time.Minute, ConnMaxLifetimeJitter: time.Minute,
		DisableIdentity: true, MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if parsed.TLSConfig != nil {
		o.TLSConfig = &tls.Config{ServerName: parsed.TLSConfig.ServerName, RootCAs: c.Roots, MinVersion: tls.VersionTLS12}
	}
	o.CredentialsProvider = func() (string, string) {
		if c.Password == nil {
			return parsed.Username, ""
		}
		return parsed.Username, c.Password()
	}
	return o, nil
}

const connections = 16
