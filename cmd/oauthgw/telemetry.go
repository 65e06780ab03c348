package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"time"

	"oauthgw/internal/admin"
	"oauthgw/internal/config"
	"oauthgw/internal/logging"
	"oauthgw/internal/tracing"
	"oauthgw/metrics"
	"oauthgw/proxy"
)

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
