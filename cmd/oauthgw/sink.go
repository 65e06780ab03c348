package main

import (
	"bytes"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	// sinkLines bounds the log lines that wait to be written.
	sinkLines = 4096
	// sinkPause is how long a line waits for others to be written with it.
	sinkPause = 5 * time.Millisecond
	// sinkFlush is how long the last lines may take at the end.
	sinkFlush = time.Second
)

// sink is a writer of log lines that never waits for the reader of the log: a
// pipe that nobody reads must not hold up logins. What does not fit among the
// lines that wait is dropped and counted, and the log says so when it goes on. It
// is safe for concurrent use.
type sink struct {
	w    io.Writer
	log  *slog.Logger // straight to w, for what the sink has to say itself
	drop func()       // told of each line that is dropped

	mu      sync.Mutex
	waiting []byte // whole lines
	lines   int    // that wait or are being written
	dropped int    // since the log last said so
	ending  bool

	some  chan struct{} // holds something if lines wait
	ended chan struct{} // closed: no line will come
	done  chan struct{} // closed: all are written
}

// newSink returns a sink that writes to w until it is closed, and speaks itself
// as the handler does.
func newSink(w io.Writer, handler func(io.Writer) slog.Handler, drop func()) *sink {
	s := &sink{w: w, log: slog.New(handler(w)), drop: drop,
		some: make(chan struct{}, 1), ended: make(chan struct{}), done: make(chan struct{})}
	go s.run()
	return s
}

// Write implements [io.Writer]. It takes one whole line and never fails.
func (s *sink) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ending:
	case s.lines == sinkLines:
		s.lose(1)
	default:
		s.waiting = append(s.waiting, line...)
		s.lines++
		select {
		case s.some <- struct{}{}:
		default:
		}
	}
	return len(line), nil
}

// lose counts lines that will not be written. Who calls it holds mu.
func (s *sink) lose(lines int) {
	s.dropped += lines
	for range lines {
		s.drop()
	}
}

func (s *sink) run() {
	defer close(s.done)
	var lines []byte
	for {
		select {
		case <-s.some:
			select {
			case <-time.After(sinkPause):
			case <-s.ended:
			}
			lines = s.write(lines)
		case <-s.ended:
			s.write(lines)
			return
		}
	}
}

// write writes what waits, and returns its place for what comes next.
func (s *sink) write(place []byte) []byte {
	s.mu.Lock()
	lines, dropped := s.waiting, s.dropped
	s.waiting, s.dropped = place[:0], 0
	s.mu.Unlock()
	if len(lines) == 0 {
		return lines
	}
	written, err := s.w.Write(lines)
	s.mu.Lock()
	s.lines -= bytes.Count(lines, newline)
	if err != nil {
		// There is nowhere to say so but in the count.
		s.lose(bytes.Count(lines[written:], newline))
		s.dropped += dropped
		dropped = 0
	}
	s.mu.Unlock()
	if dropped > 0 {
		s.log.Warn("log lines were dropped here", "count", dropped)
	}
	return lines
}

var newline = []byte("\n")

// close writes what is waiting, and gives up on a reader that does not take it.
func (s *sink) close() {
	s.mu.Lock()
	if !s.ending {
		s.ending = true
		close(s.ended)
	}
	s.mu.Unlock()
	select {
	case <-s.done:
	case <-time.After(sinkFlush):
	}
}
