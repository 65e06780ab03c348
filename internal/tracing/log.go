package tracing

import (
	"context"
	"log/slog"
	"strings"
)

// maxError bounds a logged error, in bytes.
const maxError = 256

// logError logs an error without the collector's response, which may repeat a key.
func logError(log *slog.Logger, text string) {
	text, _, _ = strings.Cut(text, " (body: ")
	if len(text) > maxError {
		text = strings.ToValidUTF8(text[:maxError], "") + "…"
	}
	log.Warn("tracing failed", "err", text)
}

// sdkHandler logs the SDK's errors about variables without their values, which may be keys.
type sdkHandler struct{ log *slog.Logger }

// Enabled implements [slog.Handler].
func (sdkHandler) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }

// Handle implements [slog.Handler].
func (h sdkHandler) Handle(_ context.Context, r slog.Record) error {
	logError(h.log, r.Message+": an OTEL_* variable cannot be used")
	return nil
}

// WithAttrs implements [slog.Handler].
func (h sdkHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup implements [slog.Handler].
func (h sdkHandler) WithGroup(string) slog.Handler { return h }
