package logging

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gate is a writer that blocks until it is opened.
type gate struct {
	open chan struct{}
	w    io.Writer
}

func (g gate) Write(p []byte) (int, error) { <-g.open; return g.w.Write(p) }

// TestAsyncWriterDrops checks that a log that nothing reads blocks no caller, and that the
// number of dropped lines is logged in their place.
func TestAsyncWriterDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		var drops atomic.Int64
		g := gate{make(chan struct{}), &out}
		a := NewAsyncWriter(g, slog.New((&Format{}).Handler(g)), func() { drops.Add(1) })
		const batch = 10
		for i := range batch + asyncLines + 100 {
			if i == batch {
				time.Sleep(2 * asyncPause) // the lines up to this one are being written
			}
			fmt.Fprintf(a, "{\"line\":%d}\n", i)
		}
		close(g.open)
		time.Sleep(2 * asyncPause)
		fmt.Fprintln(a, "{}")
		a.Close()
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if n := batch + asyncLines; len(lines) != n+2 || !strings.Contains(lines[n], `msg="log lines dropped" count=100`) {
			t.Errorf("%d lines, the last are %s", len(lines), lines[len(lines)-2:])
		}
		if drops.Load() != 100 {
			t.Errorf("dropped %d lines, want 100", drops.Load())
		}
	})
}

// TestAsyncWriterGivesUp checks that Close waits for a second at most.
func TestAsyncWriterGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate{make(chan struct{}), io.Discard}
		a := NewAsyncWriter(g, slog.New(slog.DiscardHandler), func() {})
		fmt.Fprintln(a, "{}")
		start := time.Now()
		a.Close()
		if d := time.Since(start); d != asyncFlush {
			t.Errorf("Close took %v", d)
		}
		close(g.open)
	})
}

// full is a disk with room for so many bytes.
type full int

func (f full) Write([]byte) (int, error) { return int(f), errors.New("no space left on device") }

// TestAsyncWriterCountsLostLines checks that lines count as dropped unless they were
// written before an error.
func TestAsyncWriterCountsLostLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for room, want := range map[full]int64{0: 5, 7: 3} {
			var drops atomic.Int64
			a := NewAsyncWriter(room, slog.New(slog.DiscardHandler), func() { drops.Add(1) })
			for range 5 {
				fmt.Fprintln(a, "{}")
			}
			a.Close()
			if drops.Load() != want {
				t.Errorf("room for %d bytes: %d lines were counted as dropped, want %d", room, drops.Load(), want)
			}
		}
	})
}
