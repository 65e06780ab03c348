package tracing

import (
	"context"
	"log/slog"
	"strings"
)

// longestFault bounds what a collector can write into the log.
const longestFault = 256

// tell logs why traces are not made or not sent. A collector's answer may be of
// any length, and may repeat the key that it was asked with.
func tell(log *slog.Logger, fault string) {
	fault, _, _ = strings.Cut(fault, " (body: ")
	if len(fault) > longestFault {
		fault = strings.ToValidUTF8(fault[:longestFault], "") + "…"
	}
	log.Warn("tracing failed", "err", fault)
}

// complaints is where the SDK says which of its variables it cannot read. Their
// values stay there: headers hold the collector's keys.
type complaints struct{ log *slog.Logger }

// Enabled implements [slog.Handler].
func (complaints) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }

// Handle implements [slog.Handler].
func (c complaints) Handle(_ context.Context, r slog.Record) error {
	tell(c.log, r.Message+": an OTEL_* variable cannot be used")
	return nil
}

// WithAttrs implements [slog.Handler].
func (c complaints) WithAttrs([]slog.Attr) slog.Handler { return c }

// WithGroup implements [slog.Handler].
func (c complaints) WithGroup(string) slog.Handler { return c }
