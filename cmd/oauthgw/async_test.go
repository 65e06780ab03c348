package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"oauthgw/internal/config"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// gate is a writer that takes nothing until it is opened.
type gate struct {
	open chan struct{}
	w    io.Writer
}

func (g gate) Write(p []byte) (int, error) { <-g.open; return g.w.Write(p) }

// A log that nobody reads blocks no caller. Where lines were dropped the log says how
// many.
func TestLogThatNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out syncBuffer
		var drops atomic.Int64
		g := gate{make(chan struct{}), &out}
		a := newAsyncWriter(g, handlerOf(config.Settings{LogJSON: true}), func() { drops.Add(1) })
		const batch = 10
		for i := range batch + asyncLines + 100 {
			if i == batch {
				time.Sleep(2 * asyncPause) // the lines before this one are being written
			}
			fmt.Fprintf(a, "{\"line\":%d}\n", i)
		}
		if drops.Load() != 100 {
			t.Errorf("dropped %d lines, want 100", drops.Load())
		}
		close(g.open)
		time.Sleep(2 * asyncPause)
		fmt.Fprintln(a, "{}")
		a.Close()
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if n := batch + asyncLines; len(lines) != n+2 || !strings.Contains(lines[n], `"msg":"log lines were dropped here","count":100`) {
			t.Errorf("%d lines, the last are %s", len(lines), lines[len(lines)-2:])
		}
		fmt.Fprintln(a, "late") // ignored, not counted
		a.Close()
		if drops.Load() != 100 {
			t.Errorf("dropped %d lines, want 100", drops.Load())
		}
	})
}

// A reader that never comes does not keep the program from ending.
func TestLogThatIsNeverRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate{make(chan struct{}), io.Discard}
		s := newAsyncWriter(g, handlerOf(config.Settings{LogJSON: true}), func() {})
		fmt.Fprintln(s, "{}")
		start := time.Now()
		s.Close()
		if d := time.Since(start); d != asyncFlush {
			t.Errorf("it took %v to give up", d)
		}
		close(g.open)
	})
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// What a writer took before it failed is not lost.
func TestLogThatIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var drops atomic.Int64
		s := newAsyncWriter(full{}, handlerOf(config.Settings{}), func() { drops.Add(1) })
		for range 5 {
			fmt.Fprintln(s, "{}")
		}
		s.Close()
		if drops.Load() != 3 {
			t.Errorf("%d lines were counted as dropped", drops.Load())
		}
	})
}

// full takes two lines and a piece of the third.
type full struct{}

func (full) Write([]byte) (int, error) { return 7, errors.New("no space left on device") }

func TestLogThatCannotBeWritten(t *testing.T) {
	var drops atomic.Int64
	s := newAsyncWriter(broken{}, handlerOf(config.Settings{}), func() { drops.Add(1) })
	for range 5 {
		fmt.Fprintln(s, "{}")
	}
	s.Close()
	if drops.Load() != 5 {
		t.Errorf("%d of 5 lines were counted as dropped", drops.Load())
	}
}

// handlerOf returns what makes the log handlers of settings.
func handlerOf(s config.Settings) func(io.Writer) slog.Handler {
	return func(w io.Writer) slog.Handler { return logHandler(s, w) }
}
