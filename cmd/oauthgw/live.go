package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"oauthgw/internal/authlimit"
	"oauthgw/internal/config"
	"oauthgw/metrics"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// live is the gateway of the moment. Reloading puts another in its place; a
// request is answered by one of them from its beginning to its end. It is safe
// for concurrent use.
type live struct {
	observers
	load    func() (config.Settings, error) // nil: there is nothing to load again
	judging bool                            // log the problems of the metadata
	listen  string                          // the address of the listener for clients, as the key of that name

	current atomic.Pointer[gateway]
	loaded  atomic.Pointer[loading] // the last one

	life context.Context         // of reloads; its cause is errFrozen
	quit context.CancelCauseFunc // of life

	asked    atomic.Int64 // reloads
	mu       sync.Mutex   // serialises begin, reload, freeze and end
	answered int64        // of asked: by the last reload, with outcome
	outcome  error
	watched  []string // the files of the configuration
	seen     string   // what they held when they were last read
	learning sync.WaitGroup
	stop     context.CancelFunc // of what the current gateway does by itself
}

func newLive(s config.Settings, o observers) (*live, error) {
	o.failures = authlimit.New(s.Failures)
	g, err := newGateway(s, o)
	if err != nil {
		return nil, err
	}
	exportCertificateMetrics(o.metrics, s)
	logWarnings(g.log, s)
	l := &live{observers: o, watched: s.Files, seen: config.Fingerprint(s.Files)}
	l.life, l.quit = context.WithCancelCause(context.Background())
	l.tell(nil)
	l.apply(g)
	return l, nil
}

// apply makes a gateway the current one, and its settings those of the observers.
func (l *live) apply(g *gateway) {
	l.current.Store(g)
	l.follow(g.settings)
}

// loading is an attempt to load the configuration.
type loading struct {
	at      time.Time
	fault   error     // nil: it succeeded
	inForce time.Time // when the configuration that is in force was loaded
}

// tell records an attempt to load the configuration, for metrics and for people.
func (l *live) tell(fault error) {
	l.metrics.ConfigLoaded(fault == nil)
	now := &loading{at: time.Now(), fault: fault}
	now.inForce = now.at
	if fault != nil {
		now.inForce = l.loaded.Load().inForce
	}
	l.loaded.Store(now)
}

// now returns the gateway of the moment.
func (l *live) now() *gateway { return l.current.Load() }

// log returns the log of the moment.
func (l *live) log() *slog.Logger { return l.now().log }

// ServeHTTP implements [http.Handler].
func (l *live) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g := l.now()
	for !g.enter() {
		g = l.now() // it was replaced meanwhile
	}
	defer g.leave()
	g.ServeHTTP(w, r)
}

// begin lets the gateway learn, and tell what it learnt.
func (l *live) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.watch(l.now())
}

// watch does so for one gateway, until stop.
func (l *live) watch(g *gateway) {
	var ctx context.Context
	ctx, l.stop = context.WithCancel(context.Background())
	l.learning.Go(func() { g.keepLearning(ctx) })
	if l.judging {
		if entry := g.settings.UntrustedProxy(l.listen); entry != "" {
			g.log.Warn("failure limit has no effect: all connections come from this host", "listen", l.listen, "set", "trusted_proxies: ["+entry+"]")
		}
		l.learning.Go(func() { g.watchMetadata(ctx) })
	}
}

// end stops what begin began.
func (l *live) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop()
	l.learning.Wait()
	l.now().close()
}

// errFrozen is why nothing is loaded any more.
var errFrozen = errors.New("oauthgw is about to end")

// freeze makes the configuration in force the last. It cancels the discovery of a
// reload under way and waits for its end, so that systemd does not read that this
// process is ready after it has read that it ends.
func (l *live) freeze() {
	l.quit(errFrozen)
	l.mu.Lock()
	defer l.mu.Unlock()
}

// reload puts a gateway with the configuration of now in the place of the
// current one, which stays if that is not possible. Callers that come while
// another reload is under way share the next one, so that none waits for more
// than two.
func (l *live) reload() error {
	request := l.asked.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.life.Err() != nil:
		return context.Cause(l.life)
	case request <= l.answered:
		return l.outcome
	}
	l.answered = l.asked.Load()
	tell(l.now().log, daemon.SdNotifyReloading+"\n"+daemon.SdNotifyMonotonicUsec(), "reloading the configuration")
	l.outcome = l.replace()
	status := "carrying requests to " + l.now().settings.UpstreamURL()
	if l.outcome != nil {
		status = "the configuration was not reloaded, the old one stays: see the log"
	}
	tell(l.now().log, daemon.SdNotifyReady, status)
	return l.outcome
}

// replace does so for one that is alone in doing it.
func (l *live) replace() error {
	// Summed up before the files are read, so that a change meanwhile is one more.
	defer l.remember(l.watched, config.Fingerprint(l.watched))
	before := l.now()
	s, err := l.load()
	l.watched = slices.Concat(before.settings.Files, s.Files)
	fixed := before.settings.RestartRequired(s)
	if (s.Certificate == nil) != (before.settings.Certificate == nil) {
		s.Certificate = before.settings.Certificate // whether the listener shows one stays
	}
	var after *gateway
	if err == nil {
		after, err = l.successor(s, before)
	}
	if errors.Is(err, errFrozen) {
		return err // which says nothing about the configuration
	}
	l.tell(err)
	if err != nil {
		before.log.Error("the configuration was not reloaded, the old one stays", "err", err.Error())
		return err
	}
	exportCertificateMetrics(l.metrics, s)
	logWarnings(after.log, s)
	l.apply(after)
	l.watched = s.Files
	l.stop()
	before.retire()
	l.watch(after)
	after.log.Info("the configuration was reloaded")
	for _, key := range fixed {
		after.log.Warn("a change of this key takes a restart", "key", key)
	}
	return nil
}

// exportCertificateMetrics sets the metrics of the certificates in force.
func exportCertificateMetrics(m *metrics.Metrics, s config.Settings) {
	m.Certificate("server", expiry(s.Certificate))
	m.Certificate("upstream_client", expiry(s.UpstreamCertificate()))
}

// expiry returns when a certificate expires, or zero without one.
func expiry(c *tls.Certificate) time.Time {
	if c == nil {
		return time.Time{}
	}
	return c.Leaf.NotAfter
}

// logWarnings logs what is insecure or lossy in valid settings.
func logWarnings(log *slog.Logger, s config.Settings) {
	for file, mode := range s.ReadableSecrets {
		log.Warn("a file of secrets can be read by every user of this host", "file", file, "mode", fmt.Sprintf("%04o", mode))
	}
	if s.AuditsToDevice() {
		log.Warn("audit.file is neither a regular file nor a pipe, records may be lost", "file", s.AuditFile)
	}
}

// successor returns a gateway that can take the place of another.
func (l *live) successor(s config.Settings, before *gateway) (*gateway, error) {
	o := l.observers
	o.failures = before.failures.Reconfigure(s.Failures)
	after, err := newGateway(s, o)
	if err != nil {
		return nil, err
	}
	if err := after.succeed(l.life, before); err != nil {
		after.close()
		return nil, err
	}
	return after, nil
}

// tlsConfig returns the TLS configuration of the listener for clients. Each handshake
// uses the certificate in force.
func (l *live) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return l.now().settings.Certificate, nil
		},
	}
}
