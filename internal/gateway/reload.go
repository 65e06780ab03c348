package gateway

import (
	"context"
	"errors"
	"net/http"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"oauthgw/internal/authlimit"
	"oauthgw/internal/config"
)

// ErrReloadDisabled is returned by [Reloader.Reload] after [Reloader.DisableReload].
var ErrReloadDisabled = errors.New("oauthgw is shutting down")

// ReloaderConfig configures a [Reloader].
type ReloaderConfig struct {
	// Config configures the first gateway. Load returns the settings of further ones.
	Config Config
	Load   func() (config.Settings, error)
	// Lint logs the problems of the metadata and the warnings of the settings.
	Lint bool
	// OnReload is called with each configuration in use, also the first.
	OnReload func(config.Settings)
	// Notify reports a state of sd_notify(3) to the service manager.
	Notify func(state, status string)
}

// Reloader serves with the current gateway, and replaces it. It is safe for concurrent use.
type Reloader struct {
	config  ReloaderConfig
	current atomic.Pointer[Gateway]
	last    atomic.Pointer[ReloadResult]

	context context.Context         // of reloads
	cancel  context.CancelCauseFunc // with ErrReloadDisabled

	mu          sync.Mutex // serializes Start, Reload, DisableReload and Stop
	files       []string   // the files of the configuration
	fingerprint string     // of the files when they were loaded last
	listen      string     // the address of the public listener
	background  sync.WaitGroup
	stop        context.CancelFunc // ends the background work of the current gateway
}

// ReloadResult is the result of the last attempt to load the configuration.
type ReloadResult struct {
	Time time.Time
	Err  error     // nil: it succeeded
	Used time.Time // when the configuration in use was loaded
	// RestartRequired holds the keys that have changed since the start and require a restart.
	RestartRequired []string
}

// NewReloader returns a Reloader for the first configuration.
func NewReloader(c ReloaderConfig) *Reloader {
	s := c.Config.Settings
	r := &Reloader{files: s.Files, fingerprint: config.Fingerprint(s.Files)}
	c.Config.State = r.newState(s, c.Config.Metrics)
	c.Config.Limiter = authlimit.New(s.ClientAuth.Failures, c.Config.State)
	r.config = c
	r.context, r.cancel = context.WithCancelCause(context.Background())
	r.recordReload(nil, nil)
	r.current.Store(New(c.Config))
	c.OnReload(s)
	return r
}

func (r *Reloader) recordReload(err error, restartRequired []string) {
	r.config.Config.Metrics.ConfigLoaded(err == nil)
	now := time.Now()
	result := ReloadResult{Time: now, Used: now, RestartRequired: restartRequired}
	if err != nil {
		result = *r.last.Load()
		result.Time, result.Err = now, err
	}
	r.last.Store(&result)
}

// Current returns the current gateway.
func (r *Reloader) Current() *Gateway { return r.current.Load() }

// LastReload returns the result of the last attempt to load the configuration.
func (r *Reloader) LastReload() ReloadResult { return *r.last.Load() }

// ServeHTTP implements [http.Handler].
func (r *Reloader) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	g := r.enter()
	defer g.leave()
	g.ServeHTTP(w, req)
}

// enter counts a request in. A gateway that is still current then is not closed before leave.
func (r *Reloader) enter() *Gateway {
	for {
		g := r.Current()
		g.users.Add(1)
		if g == r.Current() {
			return g
		}
		g.leave()
	}
}

// Start starts discovery. Listen is the address of the public listener.
func (r *Reloader) Start(listen string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listen = listen
	r.startBackground(r.Current())
}

func (r *Reloader) startBackground(g *Gateway) {
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	if r.config.Lint {
		for _, warning := range g.settings.Warnings(r.listen) {
			g.log.Warn("config warning", "warning", warning)
		}
	}
	r.background.Go(func() { g.watchMetadata(ctx, r.config.Lint) })
	r.background.Go(func() { g.settings.Clients.FetchKeys(ctx, g.log, g.config.Metrics.KeysFetched) })
	r.background.Go(func() { g.config.State.Watch(ctx, g.log) })
}

// Stop ends what Start began, and closes the gateway and its state.
func (r *Reloader) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stop()
	r.background.Wait()
	r.Current().Close()
	r.config.Config.State.Close()
}

// DisableReload cancels a reload and waits for its end, so that READY never follows STOPPING.
func (r *Reloader) DisableReload() {
	r.cancel(ErrReloadDisabled)
	r.mu.Lock()
	defer r.mu.Unlock()
}

// Reload loads the configuration and replaces the gateway, or leaves it if that fails.
func (r *Reloader) Reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.context.Err() != nil {
		return context.Cause(r.context)
	}
	r.config.Notify("RELOADING=1", "reloading the configuration")
	err := r.swap()
	status := "proxying to " + r.Current().settings.Upstream.URL
	if err != nil {
		status = "config reload failed, keeping previous config"
	}
	r.config.Notify("READY=1", status)
	return err
}

// swap does the work of Reload. The lock must be held.
func (r *Reloader) swap() error {
	// A change after the fingerprint is taken causes another reload.
	defer r.noteFingerprint(r.files, config.Fingerprint(r.files))
	old, log := r.Current(), r.config.Config.Log
	s, err := r.config.Load()
	r.files = slices.Concat(old.settings.Files, s.Files)
	var g *Gateway
	if err == nil {
		g, err = r.build(s, old)
	}
	if errors.Is(err, ErrReloadDisabled) {
		return err // not a failure of the configuration
	}
	restartRequired := r.config.Config.Settings.RestartRequired(s)
	r.recordReload(err, restartRequired)
	if err != nil {
		log.Error("config reload failed, keeping previous config", "err", err.Error())
		return err
	}
	r.current.Store(g)
	r.config.OnReload(g.settings)
	r.files = s.Files
	r.stop()
	old.retired.Store(true)
	old.leave()
	r.startBackground(g)
	log.Info("config reloaded")
	for _, key := range restartRequired {
		log.Warn("setting requires a restart", "key", key)
	}
	return nil
}

func (r *Reloader) build(s config.Settings, old *Gateway) (*Gateway, error) {
	if (s.Certificate == nil) != (old.settings.Certificate == nil) {
		s.Certificate = old.settings.Certificate // the listener cannot change to TLS or from it
	}
	c := r.config.Config
	s.Timeouts = c.Settings.Timeouts               // those of the servers stay
	if s.State.Redis != old.settings.State.Redis { // the connections stay, and need their password
		s.State, s.StatePassword = old.settings.State, old.settings.StatePassword
	}
	c.Settings, c.Limiter = s, old.config.Limiter.Reconfigure(s.ClientAuth.Failures, c.State)
	g := New(c)
	if err := g.inheritFrom(r.context, old); err != nil {
		g.Close()
		return nil, err
	}
	return g, nil
}

// pollInterval is how often the contents of files are compared. Kubernetes changes links, not times.
const pollInterval = 5 * time.Second

// Watch reloads on each signal and each change of a file, until ctx ends.
func (r *Reloader) Watch(ctx context.Context, signals <-chan os.Signal) {
	for poll := time.Tick(pollInterval); ; {
		select {
		case <-ctx.Done():
			return
		case <-signals:
		case <-poll:
			if !r.filesChanged() {
				continue
			}
		}
		_ = r.Reload() // it logs the error
	}
}

// noteFingerprint stores the fingerprint that files had before they were read. If the
// configuration has other files now, they count as they are, unless the first have changed.
func (r *Reloader) noteFingerprint(files []string, fingerprint string) {
	if !slices.Equal(files, r.files) && config.Fingerprint(files) == fingerprint {
		fingerprint = config.Fingerprint(r.files)
	}
	r.fingerprint = fingerprint
}

// filesChanged reports whether the files have changed since they were loaded last. After a
// failed reload the files of that configuration count too, because one may be missing.
func (r *Reloader) filesChanged() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return config.Fingerprint(r.files) != r.fingerprint
}
