package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"oauthgw/internal/server"
)

// signalContext returns a context that SIGINT or SIGTERM ends. A second signal ends the
// process at once.
func signalContext() context.Context {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	signal.Ignore(syscall.SIGPIPE) // a log reader that leaves must not end the process
	go func() {
		defer signal.Stop(signals)
		if <-signals == syscall.SIGTERM {
			cancel(server.ErrTerminated)
			return
		}
		cancel(context.Canceled)
	}()
	return ctx
}
