package server

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// ErrTerminated is the cause of a context that SIGTERM ended. Then [Server.Run] keeps
// answering for the drain delay. Any other end starts the shutdown at once.
var ErrTerminated = errors.New("terminated")

// SignalContext returns a context that SIGINT or SIGTERM ends. A second signal ends the
// process at once.
func SignalContext() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	signal.Ignore(syscall.SIGPIPE) // the process goes on when the reader of its log exits
	go func() {
		defer signal.Stop(signals)
		if <-signals == syscall.SIGTERM {
			cancel(ErrTerminated)
		}
		cancel(context.Canceled)
	}()
	return ctx
}
