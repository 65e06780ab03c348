package main

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"oauthgw/internal/admin"
	"oauthgw/internal/config"
	"oauthgw/internal/gateway"
	"oauthgw/internal/logging"
	"oauthgw/internal/server"
	"oauthgw/internal/tracing"
	"oauthgw/metrics"
	"oauthgw/proxy"
)

func serve(ctx context.Context, i *invocation) error {
	load := config.Flags(i.flags)
	if _, err := i.parse(); err != nil {
		return err
	}
	s, err := load()
	if err == nil {
		err = runService(ctx, s, load, i)
	}
	if err != nil {
		return serviceError{err, s.LogJSON}
	}
	return nil
}

func runService(ctx context.Context, s config.Settings, load func() (config.Settings, error), i *invocation) error {
	t, err := newTelemetry(ctx, s, i.stdout, i.stderr)
	if err != nil {
		return err
	}
	defer t.close()
	sockets, err := server.ActivationListeners()
	if err != nil {
		return err
	}
	p, err := newProgram(s, load, t, sockets, true)
	if err != nil {
		return err
	}
	logging.RedirectStandardLogger(t.log)
	return p.run(ctx)
}

type program struct {
	reloader *gateway.Reloader
	server   *server.Server
	log      *slog.Logger
}

// newProgram listens. Nothing is answered before run. With lint it logs metadata problems.
func newProgram(s config.Settings, load func() (config.Settings, error), t *telemetry, sockets server.Sockets, lint bool) (*program, error) {
	p := &program{log: t.log}
	p.reloader = gateway.NewReloader(gateway.ReloaderConfig{
		Config: gateway.Config{
			Settings: s, Metrics: t.metrics, Log: t.log, Tracing: t.tracing, OnDecision: t.recordDecision,
		},
		Load:     load,
		Lint:     lint,
		OnReload: t.applySettings,
		Notify:   func(state, status string) { server.Notify(t.log, state, status) },
	})
	current := func() config.Settings { return p.reloader.Current().Settings() }
	c := server.Config{
		Handler: p.reloader,
		Admin: admin.New(admin.Config{
			Reloader: p.reloader, History: &t.history, Addr: func() string { return p.server.Addr() }, Draining: func() bool { return p.server.Draining() },
			Metrics: t.metrics, Log: t.log,
		}),
		Listen: s.Listen, AdminListen: s.Admin.Listen, WebConfigFile: s.Admin.WebConfigFile,
		MaxConnections: s.MaxConnections, MaxHeaderBytes: s.MaxHeaderBytes,
		HeaderTimeout: s.Timeouts.Header, IdleTimeout: s.Timeouts.Idle, StallTimeout: s.Timeouts.Stall,
		DrainDelay:   func() time.Duration { return current().Drain.Delay },
		DrainTimeout: func() time.Duration { return current().Drain.Timeout },
		OnDrain:      p.reloader.DisableReload,
		Upstream:     func() string { return current().Upstream.URL },
		TrustsPeer:   func(r *http.Request) bool { return p.reloader.Current().TrustsPeer(r) },
		Activated:    sockets, Metrics: t.metrics, Log: t.log,
	}
	if s.Certificate != nil {
		c.Certificate = func() *tls.Certificate { return current().Certificate }
	}
	var err error
	p.server, err = server.Listen(c)
	return p, err
}

// run answers requests until ctx ends. It reloads on SIGHUP, on file changes, and when asked.
func (p *program) run(ctx context.Context) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	p.reloader.Start(p.server.Addr())
	defer p.reloader.Stop()
	var background sync.WaitGroup
	defer background.Wait()
	running, stop := context.WithCancel(context.WithoutCancel(ctx)) // the drain needs the watchdog
	defer stop()
	background.Go(func() { p.reloader.Watch(running, hangups) })
	background.Go(func() { server.ServeWatchdog(running, p.log) })
	return p.server.Run(ctx)
}

// telemetry is the log, the audit log, the metrics and the traces. It outlives configurations.
type telemetry struct {
	format  logging.Format
	log     *slog.Logger
	lines   *logging.AsyncWriter
	audit   *logging.Audit
	tracing *tracing.Tracing // nil: nothing is traced
	metrics *metrics.Metrics
	history admin.History
}

// newTelemetry logs to stderr, audits to stdout or a file, and traces as the environment says.
func newTelemetry(ctx context.Context, s config.Settings, stdout, stderr io.Writer) (*telemetry, error) {
	t := &telemetry{metrics: metrics.New(metrics.ReadBuild())}
	t.format.TraceID = tracing.ID
	t.format.Set(s.LogLevel, s.LogJSON)
	t.lines = logging.NewAsyncWriter(stderr, slog.New(t.format.Handler(stderr)), func() { t.metrics.LogDropped.Inc("operations") })
	t.log = slog.New(t.format.Handler(t.lines))
	t.audit = t.format.NewAudit(stdout, t.log, func() { t.metrics.LogDropped.Inc("audit") })
	var err error
	if t.tracing, err = tracing.New(ctx, os.Getenv, metrics.ReadBuild().Version, t.log); err != nil {
		t.close()
	}
	return t, err
}

// close writes what waits. The log is last, because the others log their errors.
func (t *telemetry) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := t.tracing.Close(ctx); err != nil {
		t.log.Warn("sending traces failed", "err", err.Error())
	}
	t.audit.Close()
	t.lines.Close()
}

func (t *telemetry) recordDecision(ctx context.Context, d proxy.Decision) {
	tracing.Annotate(ctx, string(d.Method), d.Outcome)
	if t.audit.Enabled() {
		t.audit.Record(ctx, d.Time, d.Attrs())
	}
	t.history.Add(d)
}

func (t *telemetry) applySettings(s config.Settings) {
	t.format.Set(s.LogLevel, s.LogJSON)
	t.audit.SetFile(s.Audit.File)
	t.metrics.Certificate("server", s.Certificate)
	t.metrics.Certificate("upstream_client", s.UpstreamCert)
}
