package main

import (
	"errors"
	"fmt"
	"io"
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

// A log that nobody reads holds nothing up, and tells later what it lost, where it
// is missing.
func TestLogThatNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out syncBuffer
		var drops atomic.Int64
		g := gate{make(chan struct{}), &out}
		s := newSink(g, settings{logJSON: true}.logHandler, func() { drops.Add(1) })
		for i := range sinkLines + 100 {
			fmt.Fprintf(s, "{\"line\":%d}\n", i)
			if i == 10 {
				time.Sleep(2 * sinkPause) // these are being written
			}
		}
		if drops.Load() != 100 {
			t.Errorf("%d lines were dropped", drops.Load())
		}
		close(g.open)
		time.Sleep(2 * sinkPause)
		fmt.Fprintln(s, "{}")
		s.close()
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != sinkLines+2 || !strings.Contains(lines[sinkLines], `"msg":"log lines were dropped here","count":100`) {
			t.Errorf("%d lines, the last of which are %s", len(lines), lines[len(lines)-2:])
		}
		fmt.Fprintln(s, "late") // is nobody's fault
		s.close()
	})
}

// A reader that never comes does not keep the program from ending.
func TestLogThatIsNeverRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate{make(chan struct{}), io.Discard}
		s := newSink(g, settings{logJSON: true}.logHandler, func() {})
		fmt.Fprintln(s, "{}")
		start := time.Now()
		s.close()
		if d := time.Since(start); d != sinkFlush {
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
		s := newSink(full{}, settings{}.logHandler, func() { drops.Add(1) })
		for range 5 {
			fmt.Fprintln(s, "{}")
		}
		s.close()
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
	s := newSink(broken{}, settings{}.logHandler, func() { drops.Add(1) })
	for range 5 {
		fmt.Fprintln(s, "{}")
	}
	s.close()
	if drops.Load() != 5 {
		t.Errorf("%d of 5 lines were counted as dropped", drops.Load())
	}
}
