package main

import (
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// sinkLines bounds the log lines that wait to be written.
	sinkLines = 4096
	// sinkFlush is how long the last lines may take at the end.
	sinkFlush = time.Second
)

// sink is a writer of log lines that never waits for the reader of the log: a
// pipe that nobody reads must not hold up logins. What does not fit in its
// queue is dropped and counted, and the log says so when it goes on. It is safe
// for concurrent use.
type sink struct {
	w       io.Writer
	log     *slog.Logger // straight to w, for what the sink has to say itself
	drop    func()       // told of each line that is dropped
	lines   chan []byte
	dropped atomic.Int64 // since the log last said so

	mu     sync.RWMutex // held to close lines
	closed bool
	done   chan struct{}
}

// newSink returns a sink that writes to w until it is closed, and speaks itself
// as the handler does.
func newSink(w io.Writer, handler func(io.Writer) slog.Handler, drop func()) *sink {
	s := &sink{w: w, log: slog.New(handler(w)), drop: drop, lines: make(chan []byte, sinkLines), done: make(chan struct{})}
	go s.run()
	return s
}

// Write implements [io.Writer]. It takes one whole line and never fails.
func (s *sink) Write(line []byte) (int, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return len(line), nil
	}
	select {
	case s.lines <- append([]byte(nil), line...):
	default:
		s.dropped.Add(1)
		s.drop()
	}
	return len(line), nil
}

func (s *sink) run() {
	defer close(s.done)
	for line := range s.lines {
		// A writer that fails has lost the line; there is nowhere to say so but
		// in the count.
		if _, err := s.w.Write(line); err != nil {
			s.dropped.Add(1)
			s.drop()
			continue
		}
		if n := s.dropped.Swap(0); n > 0 {
			s.log.Warn("log lines were dropped here", "count", n)
		}
	}
}

// close writes what is waiting, and gives up on a reader that does not take it.
func (s *sink) close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.lines)
	}
	s.mu.Unlock()
	select {
	case <-s.done:
	case <-time.After(sinkFlush):
	}
}
