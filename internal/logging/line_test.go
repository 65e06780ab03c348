package logging

import (
	"bytes"
	"io"
	"log/slog"
	"math"
	"testing"
	"time"

	"oauthgw/internal/printable"
)

// expectSameLine checks that a record is written as by slog's JSON handler, or left to it.
func expectSameLine(t *testing.T, r slog.Record) (written bool) {
	t.Helper()
	var got, want bytes.Buffer
	written, _ = (&lineWriter{w: &got}).writeJSON(r)
	if err := slog.NewJSONHandler(printable.Writer(&want), nil).Handle(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if written && got.String() != want.String() || !written && got.Len() > 0 {
		t.Errorf("got %s, want %s", got.String(), want.String())
	}
	return written
}

func newRecord(message string, attrs ...slog.Attr) slog.Record {
	r := slog.NewRecord(time.Date(2026, 1, 2, 3, 4, 5, 600, time.FixedZone("", 3600)), slog.LevelWarn, message, 0)
	r.AddAttrs(attrs...)
	return r
}

func TestLinesOfRequests(t *testing.T) {
	request := slog.Attr{Value: slog.GroupValue(slog.String("endpoint", "token"), slog.Int("status", -200), slog.Float64("duration_ms", 12.345))}
	for _, r := range []slog.Record{newRecord("request", request, slog.String("request_id", "a")), newRecord("request", slog.String("empty", "")), newRecord("")} {
		if !expectSameLine(t, r) {
			t.Errorf("%v was left to slog", r)
		}
	}
}

// TestLinesLeftToSlog checks every character, and the values that slog writes in a special way.
func TestLinesLeftToSlog(t *testing.T) {
	for c := range rune(0x2100) {
		text := "a" + string(c) + "b"
		plain := ' ' <= c && c <= '~' && c != '"' && c != '\\'
		for _, r := range []slog.Record{newRecord(text), newRecord("m", slog.String("k", text)), newRecord("m", slog.String(text, "v"))} {
			if expectSameLine(t, r) != plain {
				t.Errorf("%q: written is %v", text, !plain)
			}
		}
	}
	for _, f := range []float64{0, math.Copysign(0, -1), -1, 1e-7, 1e-6, 0.1, 1, 123456.789, 1e20, 1e21, math.MaxFloat64, math.Inf(1), math.NaN()} {
		expectSameLine(t, newRecord("m", slog.Float64("k", f)))
	}
	for _, a := range []slog.Attr{
		{}, slog.String("", "v"), slog.Any("k", nil), slog.Any("k", []string{"v"}), slog.Bool("k", true), slog.Duration("k", 1), slog.Group("g", slog.Int("k", 1)),
		{Value: slog.GroupValue()}, {Value: slog.GroupValue(slog.Group("g", slog.Int("k", 1)))}, {Value: slog.GroupValue(slog.Attr{Value: slog.GroupValue(slog.Int("k", 1))})},
	} {
		expectSameLine(t, newRecord("m", a, slog.Int("last", 1)))
	}
	expectSameLine(t, slog.Record{Message: "without a time"})
	logger := slog.New((&Format{}).Handler(io.Discard))
	if logger.With("k", "v").Handler().(handler).lines != nil || logger.WithGroup("g").Handler().(handler).lines != nil {
		t.Error("the attributes of the logger would be missing")
	}
}

func BenchmarkLine(b *testing.B) {
	r := newRecord("request", slog.Attr{Value: slog.GroupValue(slog.String("endpoint", "token"), slog.Int("status", 200), slog.String("end", "complete"),
		slog.String("outcome", "accepted"), slog.String("auth_method", "client_secret_basic"), slog.String("client_id", "5f9c4ab08cac7457"), slog.String("basic_decoding", "plain"),
		slog.Float64("upstream_ms", 1.234), slog.String("client_ip", "192.0.2.1"), slog.Float64("duration_ms", 2.345), slog.String("request_id", "7GTVFWSTY4RRHHVJQZQ2NDM6AL"))})
	lines, standard := &lineWriter{w: io.Discard}, slog.NewJSONHandler(printable.Writer(io.Discard), nil)
	b.Run("appended", func(b *testing.B) {
		for b.Loop() {
			_, _ = lines.writeJSON(r)
		}
	})
	b.Run("slog", func(b *testing.B) {
		for b.Loop() {
			_ = standard.Handle(b.Context(), r)
		}
	})
}
