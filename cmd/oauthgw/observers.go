package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"oauthgw/internal/authlimit"
	"oauthgw/internal/config"
	"oauthgw/internal/tracing"
	"oauthgw/metrics"
	"oauthgw/proxy"
	"os"
	"sync/atomic"
	"time"
)

// observers are told of what a gateway does. They outlive its configurations.
type observers struct {
	newLog    func(config.Settings) *slog.Logger
	metrics   *metrics.Metrics
	tracing   *tracing.Tracing // nil: nothing is traced
	audit     *audit           // nil: nothing is recorded
	decisions *decisions       // nil: nothing is remembered

	failures *authlimit.Limiter // to authenticate; nil: none are remembered

	inForce *atomic.Pointer[config.Settings] // for the log of the observers; nil: they have none
}

// follow lets the observers do as the settings say that come into force.
func (o observers) follow(s config.Settings) {
	o.audit.to(s.AuditFile)
	if o.inForce != nil {
		o.inForce.Store(&s)
	}
}

// nobody returns observers for a gateway that is not watched.
func nobody() observers {
	return observers{newLog: func(config.Settings) *slog.Logger { return slog.New(slog.DiscardHandler) }, metrics: metrics.New(build())}
}

// newObservers returns those of a program: the log goes to stderr, an audit
// record without a file to stdout, traces where the environment says. Dismiss
// lets them tell what they still hold.
func newObservers(ctx context.Context, s config.Settings, stdout, stderr io.Writer) (o observers, dismiss func(), err error) {
	m := metrics.New(build())
	inForce := &atomic.Pointer[config.Settings]{}
	inForce.Store(&s)
	current := func(w io.Writer) slog.Handler {
		return following{func() slog.Handler { return logHandler(*inForce.Load(), w) }}
	}
	lines := newAsyncWriter(stderr, current, func() { m.LogDropped("operations") })
	o = observers{newLog: func(s config.Settings) *slog.Logger { return newLog(s, lines) }, metrics: m, inForce: inForce}
	own := slog.New(current(lines))
	o.audit = newAudit(stdout, own, func() { m.LogDropped("audit") })
	dismiss = func() { o.dismiss(own, lines) }
	if o.tracing, err = tracing.New(ctx, os.Getenv, build().Version, own); err != nil {
		dismiss()
		return observers{}, nil, err
	}
	return o, dismiss, nil
}

// dismiss ends them, the log last because it tells of the others.
func (o observers) dismiss(log *slog.Logger, lines *asyncWriter) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := o.tracing.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		log.Warn("the last traces were not sent", "err", err.Error())
	}
	o.audit.close()
	lines.Close()
}

// decided is told what became of each request at a fronted endpoint.
func (o observers) decided(ctx context.Context, d proxy.Decision) {
	tracing.Annotate(ctx, string(d.Method), d.Outcome)
	o.audit.record(ctx, d)
	o.decisions.add(d)
}
