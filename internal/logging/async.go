package logging

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync/atomic"
	"time"
)

const (
	asyncLines = 4096                 // capacity of the queue, in lines
	asyncPause = 5 * time.Millisecond // how long a line waits for others to be written with it
	asyncFlush = time.Second          // how long Close waits for the last lines
)

// AsyncWriter writes log lines without making its callers wait: a pipe that nothing reads must
// not block requests. It drops lines while its queue is full, counts them, and logs their
// number near the gap. It is safe for concurrent use.
type AsyncWriter struct {
	w       io.Writer
	log     *slog.Logger
	drop    func()
	lines   chan []byte
	dropped atomic.Int64 // lines dropped since the last report
	closing context.Context
	close   context.CancelFunc
	done    chan struct{}
}

// NewAsyncWriter returns a writer to w that calls drop for each dropped line. log writes to w itself.
func NewAsyncWriter(w io.Writer, log *slog.Logger, drop func()) *AsyncWriter {
	a := &AsyncWriter{w: w, log: log, drop: drop, lines: make(chan []byte, asyncLines), done: make(chan struct{})}
	a.closing, a.close = context.WithCancel(context.Background())
	go a.run()
	return a
}

// Write implements [io.Writer]. It takes one whole line and never fails.
func (a *AsyncWriter) Write(line []byte) (int, error) {
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
	var batch []byte // reused
	for {
		select {
		case line := <-a.lines:
			time.Sleep(asyncPause)
			batch = a.write(append(batch[:0], line...))
		case <-a.closing.Done():
			if len(a.lines) > 0 {
				a.write(nil)
			}
			return
		}
	}
}

// write writes a batch together with all queued lines, and returns its buffer.
func (a *AsyncWriter) write(batch []byte) []byte {
	dropped := a.dropped.Swap(0)
	for range len(a.lines) {
		batch = append(batch, <-a.lines...)
	}
	if n, err := a.w.Write(batch); err != nil {
		a.dropped.Add(dropped)
		a.countDropped(bytes.Count(batch[n:], []byte("\n")))
	} else if dropped > 0 {
		a.log.Warn("log lines dropped", "count", dropped)
	}
	return batch
}

// Close waits until the queued lines are written, for at most a second.
func (a *AsyncWriter) Close() {
	a.close()
	select {
	case <-a.done:
	case <-time.After(asyncFlush):
	}
}
