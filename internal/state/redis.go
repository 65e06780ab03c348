package state

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

const (
	useTimeout     = time.Second
	failureTimeout = 25 * time.Millisecond // a request asks at most twice: before it is sent and when it failed
	pause          = time.Second           // after an error, in which requests are not delayed again
	watchInterval  = 5 * time.Second
	connections    = 16
)

// Config configures a [Redis].
type Config struct {
	Redis    string          // URL with the scheme redis, rediss or unix
	Password func() string   // called for each connection; nil: none
	Roots    *x509.CertPool  // of the server's certificate; nil: those of the system
	OnCheck  func(up bool)   // called after each check by [Redis.Watch]
	OnError  func(op string) // called for each failed operation: assertions or failures

	dial dialer // in tests; nil: that of go-redis
}

// options returns the options of the connections. No command is sent twice: a second SET NX
// would take the first one for a replay.
func (c Config) options() (*redis.Options, error) {
	parsed, err := redis.ParseURL(c.Redis) // its options are not used: some would send commands twice
	if err != nil {
		return nil, errors.New("state.redis: not a URL of Redis; set one such as rediss://redis.example:6379/0 or unix:///run/redis.sock") // err may show a password
	}
	o := &redis.Options{
		Network: parsed.Network, Addr: parsed.Addr, DB: parsed.DB, Protocol: 2,
		MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true,
		DialTimeout: useTimeout / 2, ReadTimeout: useTimeout, WriteTimeout: useTimeout, PoolTimeout: useTimeout,
		PoolSize: connections, PipelinePoolSize: -1, MaxConcurrentDials: connections / 4, ReadBufferSize: 4 << 10, WriteBufferSize: 4 << 10,
		// A replaced server or a changed password is noticed within minutes.
		ConnMaxIdleTime: time.Minute, ConnMaxLifetime: 5 * time.Minute, ConnMaxLifetimeJitter: time.Minute,
		DisableIdentity: true, MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if parsed.TLSConfig != nil {
		o.TLSConfig = &tls.Config{ServerName: parsed.TLSConfig.ServerName, RootCAs: c.Roots, MinVersion: tls.VersionTLS12}
	}
	dial := c.dial
	if dial == nil {
		dial = redis.NewDialer(o)
	}
	o.Dialer = limitReplies(dial)
	o.CredentialsProvider = func() (string, string) {
		if c.Password == nil {
			return parsed.Username, ""
		}
		return parsed.Username, c.Password()
	}
	return o, nil
}

// Redis is a [Store] that replicas share. It also keeps failures in a [Memory]: while Redis is
// unavailable these limit this replica.
type Redis struct {
	*Memory
	config   Config
	client   *redis.Client
	resumeAt atomic.Int64 // when failures use Redis again, as a duration since the start of Memory
}

// NewRedis returns a Redis without connections. The error says why the URL cannot be used.
func NewRedis(c Config, local *Memory) (*Redis, error) {
	options, err := c.options()
	if err != nil {
		return nil, err
	}
	redis.SetLogger(silent{})
	return &Redis{Memory: local, config: c, client: redis.NewClient(options)}, nil
}

// silent drops what go-redis logs. [Redis.Watch] logs what an operator needs to know.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// UseOnce implements [Store].
func (r *Redis) UseOnce(ctx context.Context, _ string, id Key, d time.Duration) error {
	set := redis.NewStatusCmd(ctx, "SET", name("jti", id), 1, "PX", milliseconds(d), "NX")
	left := redis.NewIntCmd(ctx, "PTTL", name("jti", id)) // only the replies to both commands have this form
	err := r.ask(ctx, useTimeout, set, left)
	switch isReply := left.Err() == nil; {
	case isReply && errors.Is(set.Err(), redis.Nil): // err may be of a command that opens a connection
		return ErrUsed
	case isReply && err == nil && set.Val() == "OK":
		return nil
	case err == nil || errors.Is(err, redis.Nil):
		err = errors.New("unexpected reply")
	}
	r.failed("assertions")
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// Debts implements [Store]. A debt is the lifetime of a key in Redis, so that the clocks of
// replicas need not agree.
func (r *Redis) Debts(ctx context.Context, keys ...Key) []time.Duration {
	debts := r.Memory.Debts(ctx, keys...)
	if r.paused() {
		return debts
	}
	commands := make([]redis.Cmder, len(keys))
	for i, k := range keys {
		commands[i] = redis.NewIntCmd(ctx, "PTTL", name("failures", k))
	}
	if r.ask(ctx, failureTimeout, commands...) != nil {
		r.failed("failures")
		return debts
	}
	for i, c := range commands {
		shared := min(c.(*redis.IntCmd).Val(), int64(maxDebt/time.Millisecond))
		debts[i] = max(debts[i], time.Duration(shared)*time.Millisecond)
	}
	return debts
}

const maxDebt = time.Duration(1 << 61) // 73 years: sums do not overflow

// spendScript is [Memory.Spend]. PTTL is negative if there is no key.
const spendScript = `for i, key in ipairs(KEYS) do
  local debt = math.max(redis.call("PTTL", key), 0)
  if debt > tonumber(ARGV[2 * i]) then return i - 1 end
  redis.call("SET", key, 1, "PX", debt + tonumber(ARGV[2 * i - 1]))
end
return #KEYS`

// Spend implements [Store].
func (r *Redis) Spend(ctx context.Context, budgets ...Budget) {
	r.Memory.Spend(ctx, budgets...)
	if r.paused() || len(budgets) == 0 {
		return
	}
	keys, args := []any{"EVAL", spendScript, len(budgets)}, []any(nil)
	for _, b := range budgets {
		keys, args = append(keys, name("failures", b.Key)), append(args, milliseconds(b.Cost), b.Limit.Milliseconds())
	}
	if r.ask(ctx, failureTimeout, redis.NewIntCmd(ctx, append(keys, args...)...)) != nil {
		r.failed("failures")
	}
}

// Watch implements [Store]. It writes a key, because Redis may answer PING and refuse to write.
func (r *Redis) Watch(ctx context.Context, log *slog.Logger) {
	tick, up := time.NewTicker(watchInterval), true
	defer tick.Stop()
	for {
		set := redis.NewStatusCmd(ctx, "SET", "oauthgw:check", 1, "PX", milliseconds(2*watchInterval))
		err := r.ask(ctx, useTimeout, set)
		if err == nil && set.Val() != "OK" {
			err = errors.New("unexpected reply")
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && up:
			log.Warn("state unavailable", "err", err.Error())
		case err == nil && !up:
			log.Info("state available again")
		}
		up = err == nil
		r.config.OnCheck(up)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Close implements [Store].
func (r *Redis) Close() { _ = r.client.Close() } // it has no other use

// ask runs commands within a time. It does not end with the request: what a client that
// disconnects has used or guessed counts.
func (r *Redis) ask(ctx context.Context, limit time.Duration, commands ...redis.Cmder) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	pipeline := r.client.Pipeline()
	err := pipeline.BatchProcess(ctx, commands...)
	if err == nil {
		_, err = pipeline.Exec(ctx)
	}
	if err != nil && !errors.Is(err, redis.Nil) {
		err = r.redact(err)
	}
	return err
}

// redact returns a short error without the password. A server that does not know a command repeats
// its arguments.
func (r *Redis) redact(err error) error {
	text, _, _ := strings.Cut(err.Error(), ", with args")
	if r.config.Password != nil && r.config.Password() != "" {
		text = strings.ReplaceAll(text, r.config.Password(), "[redacted]")
	}
	return fmt.Errorf("%.200s", text)
}

func (r *Redis) failed(operation string) {
	r.resumeAt.Store(int64(time.Since(r.start) + pause))
	r.config.OnError(operation)
}

func (r *Redis) paused() bool { return int64(time.Since(r.start)) < r.resumeAt.Load() }

// name returns the name of a key in Redis.
func name(kind string, k Key) string { return "oauthgw:" + kind + ":" + hex.EncodeToString(k[:]) }

// milliseconds returns a duration as Redis takes it: positive.
func milliseconds(d time.Duration) int64 { return max(1, d.Milliseconds()) }
