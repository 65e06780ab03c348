package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"oauthgw/internal/attempts"
	"oauthgw/metrics"

	"github.com/coreos/go-systemd/v22/daemon"
)

// pollEvery is how often the files of the configuration are looked at: by their
// content, because Kubernetes swaps links.
const pollEvery = 5 * time.Second

// live is the gateway of the moment. Reloading puts another in its place; a
// request is answered by one of them from its beginning to its end. It is safe
// for concurrent use.
type live struct {
	observers
	load    func() (settings, error) // nil: there is nothing to load again
	judging bool                     // tell what is untrue of the metadata
	listen  string                   // the address of the listener for clients, as the key of that name

	current atomic.Pointer[gateway]
	loaded  atomic.Pointer[loading] // the last one

	mu       sync.Mutex // serialises begin, reload, freeze and end
	frozen   bool       // nothing is loaded any more
	watched  []string   // the files of the configuration
	seen     string     // what they held when they were last read
	learning sync.WaitGroup
	stop     context.CancelFunc // of what the current gateway does by itself
}

func newLive(s settings, o observers) (*live, error) {
	o.failures = attempts.New(s.failures)
	g, err := newGateway(s, o)
	if err != nil {
		return nil, err
	}
	s.expose(o.metrics)
	s.warn(g.log)
	l := &live{observers: o, watched: s.files, seen: fingerprint(s.files)}
	l.tell(nil)
	l.current.Store(g)
	l.audit.to(s.auditFile)
	return l, nil
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
func (l *live) ServeHTTP(w http.ResponseWriter, r *http.Request) { l.now().ServeHTTP(w, r) }

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
		if entry := g.settings.untrustedProxy(l.listen); entry != "" {
			g.log.Warn("failure limit has no effect: all connections come from this host", "listen", l.listen, "set", "trusted_proxies: ["+entry+"]")
		}
		l.learning.Go(func() { g.keepJudging(ctx) })
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

// freeze makes the configuration in force the last, once a reload under way is
// over: whoever has been told that this process ends must not hear afterwards
// that it is ready.
func (l *live) freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frozen = true
}

// reload puts a gateway with the configuration of now in the place of the
// current one, which stays if that is not possible.
func (l *live) reload() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.frozen {
		return errFrozen
	}
	tell(l.now().log, daemon.SdNotifyReloading+"\n"+daemon.SdNotifyMonotonicUsec(), "reloading the configuration")
	err := l.replace()
	status := "carrying requests to " + l.now().settings.provider()
	if err != nil {
		status = "the configuration was not reloaded, the old one stays: see the log"
	}
	tell(l.now().log, daemon.SdNotifyReady, status)
	return err
}

// replace does so for one that is alone in doing it.
func (l *live) replace() error {
	// Summed up before the files are read, so that a change meanwhile is one more.
	defer l.remember(l.watched, fingerprint(l.watched))
	before := l.now()
	s, err := l.load()
	l.watched = slices.Concat(before.settings.files, s.files)
	fixed := before.settings.fixedDifferences(s)
	if (s.certificate == nil) != (before.settings.certificate == nil) {
		s.certificate = before.settings.certificate // whether the listener shows one stays
	}
	var after *gateway
	if err == nil {
		after, err = l.successor(s, before)
	}
	l.tell(err)
	if err != nil {
		before.log.Error("the configuration was not reloaded, the old one stays", "fault", err.Error())
		return err
	}
	s.expose(l.metrics)
	s.warn(after.log)
	l.current.Store(after)
	l.audit.to(s.auditFile)
	l.watched = s.files
	l.stop()
	before.release()
	l.watch(after)
	after.log.Info("the configuration was reloaded")
	for _, key := range fixed {
		after.log.Warn("a change of this key takes a restart", "key", key)
	}
	return nil
}

// expose tells of certificates that come into force.
func (s settings) expose(m *metrics.Metrics) {
	m.Certificate("clients", expiry(s.certificate))
	m.Certificate("provider", expiry(s.upstreamCertificate()))
}

// successor returns a gateway that can take the place of another.
func (l *live) successor(s settings, before *gateway) (*gateway, error) {
	o := l.observers
	o.failures = before.failures.Under(s.failures)
	after, err := newGateway(s, o)
	if err != nil {
		return nil, err
	}
	if err := after.succeed(before); err != nil {
		after.close()
		return nil, err
	}
	return after, nil
}

// remember notes what the files held before they were read. If reading made
// others known, they count as they are now, unless the first have changed
// meanwhile. The lock must be held.
func (l *live) remember(files []string, sum string) {
	if !slices.Equal(files, l.watched) && fingerprint(files) == sum {
		sum = fingerprint(l.watched)
	}
	l.seen = sum
}

// changed reports whether the files that a reload reads hold something else than
// when they were last read, whoever asked for that: after one that failed those
// of that configuration as well, because one of them may have been missing.
func (l *live) changed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fingerprint(l.watched) != l.seen
}

// keepReloading reloads on each signal and each change of a file, until ctx
// ends. The outcome is in the log and the metrics.
func (l *live) keepReloading(ctx context.Context, signals <-chan os.Signal) {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			_ = l.reload()
		case <-poll.C:
			if l.changed() {
				_ = l.reload()
			}
		}
	}
}
