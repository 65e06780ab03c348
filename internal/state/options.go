package state

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
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
	parsed, err := parse(c.Redis)
	if err != nil {
		return nil, fmt.Errorf("state.redis: %w (set a URL such as redis://127.0.0.1:6379, rediss://redis.example:6379/0 or unix:///run/redis.sock)", err)
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

// parse reads a URL of Redis. Its errors do not repeat a password in the URL.
func parse(text string) (*redis.Options, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("not a URL")
	}
	query := u.Query()
	query.Del("db")
	if len(query) > 0 {
		return nil, errors.New("options in the URL are not supported")
	}
	if _, ok := u.User.Password(); ok {
		return nil, errors.New("the URL has a password; put it into state.password_file")
	}
	return redis.ParseURL(text)
}
