package server

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// drain keeps answering while load balancers find out that the server is not ready.
func (s *Server) drain(failures <-chan error) error {
	delay := s.config.DrainDelay()
	s.config.Log.Info("draining", "delay", delay.String())
	Notify(s.config.Log, daemon.SdNotifyStopping, "draining: not ready, still answering")
	select {
	case failure := <-failures:
		return failure
	case <-time.After(delay):
		return nil
	}
}

// shutdown waits for requests and WebSockets, and cuts and logs them after the drain timeout.
func (s *Server) shutdown() {
	Notify(s.config.Log, daemon.SdNotifyStopping, "waiting for requests in flight")
	ctx, cancel := context.WithTimeout(context.Background(), s.config.DrainTimeout())
	defer cancel()
	s.publicLimit.WaitIdle(ctx)
	s.adminLimit.WaitIdle(ctx)
	_, _ = s.public.Shutdown(ctx), s.admin.Shutdown(ctx) // they fail if ctx ends
	if ctx.Err() != nil {
		requests, webSockets := s.publicLimit.CloseWebSockets() // which http.Server does not know
		adminRequests, _ := s.adminLimit.CloseWebSockets()
		_, _ = s.public.Close(), s.admin.Close()
		if requests += adminRequests; requests+webSockets > 0 {
			s.config.Metrics.ConnectionsCut(requests, webSockets)
			s.config.Log.Warn("shutdown timed out, connections closed", "requests", requests, "websockets", webSockets)
		}
	}
	// http.Server does not wait for hijacked connections and those that were cut off. Their last requests are to be logged.
	for deadline := time.Now().Add(time.Second); s.handling.Load() > 0 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	s.config.Log.Info("stopped")
}

// ErrTerminated is the cause of a context that SIGTERM ended. Then [Server.Run] keeps
// answering for the drain delay. Any other end starts the shutdown at once.
var ErrTerminated = errors.New("terminated")

// SignalContext returns a context that SIGINT or SIGTERM ends. A second one ends the process.
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
