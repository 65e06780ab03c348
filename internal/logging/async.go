package logging

import (
	"bytes"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	asyncLines = 4096                 // lines that can wait to be written
	asyncPause = 5 * time.Millisecond // how long a line waits for others to be written with it
	asyncFlush = time.Second          // how long Close waits for the last lines
)

// AsyncWriter writes log lines without making their callers wait, since a pipe that
// nobody reads must not block logins. It drops the lines for which there is no room,
// counts them, and logs their number where they are missing. It is safe for
// concurrent use.
type AsyncWriter struct {
	w    io.Writer
	log  *slog.Logger // writes to w directly
	drop func()       // is called for each dropped line

	lines   chan []byte
	dropped atomic.Int64 // since the log last said so
	close   func()
	closing chan struct{}
	done    chan struct{}
}

// NewAsyncWriter returns a writer to w, whose own messages are written with handler.
func NewAsyncWriter(w io.Writer, handler func(io.Writer) slog.Handler, drop func()) *AsyncWriter {
	a := &AsyncWriter{w: w, log: slog.New(handler(w)), drop: drop,
		lines: make(chan []byte, asyncLines), closing: make(chan struct{}), done: make(chan struct{})}
	a.close = sync.OnceFunc(func() { close(a.closing) })
	go a.run()
	return a
}

// Write implements [io.Writer]. It takes one whole line and never fails. Lines that
// are written after Close are ignored.
func (a *AsyncWriter) Write(line []byte) (int, error) {
	select {
	case <-a.closing:
		return len(line), nil
	default:
	}
	select {
	case a.lines <- bytes.Clone(line):
	default:
		a.countDropped(1)
	}
	return len(line), nil
}

func (a *AsyncWriter) countDropped(lines int) {
	a.dropped.Add(int64(lines))
	for range lines {
		a.drop()
	}
}

func (a *AsyncWriter) run() {
	defer close(a.done)
	var batch []byte
	for {
		select {
		case line := <-a.lines:
			batch = append(batch[:0], line...)
			select {
			case <-time.After(asyncPause):
			case <-a.closing:
			}
			batch = a.drain(batch)
		case <-a.closing:
			a.drain(batch[:0])
			return
		}
	}
}

// drain writes a batch together with all lines that wait, and returns the buffer.
func (a *AsyncWriter) drain(batch []byte) []byte {
	dropped := a.dropped.Swap(0)
	for range len(a.lines) {
		batch = append(batch, <-a.lines...)
	}
	if len(batch) == 0 {
		return batch
	}
	if n, err := a.w.Write(batch); err != nil {
		a.dropped.Add(dropped)
		a.countDropped(bytes.Count(batch[n:], newline))
	} else if dropped > 0 {
		a.log.Warn("log lines were dropped here", "count", dropped)
	}
	return batch
}

var newline = []byte("\n")

// Close writes the lines that wait. It gives up after a second on a reader that does
// not take them.
func (a *AsyncWriter) Close() {
	a.close()
	select {
	case <-a.done:
	case <-time.After(asyncFlush):
	}
}
