package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// errTerminated is the cause of a context that a SIGTERM ended: an orchestrator
// takes this process out of service and clients still come for a while. Any
// other end is at once.
var errTerminated = errors.New("terminated")

// notified returns a context that SIGINT or SIGTERM ends. A second signal meets
// the default handling and ends the process at once.
func notified() context.Context {
	ctx, end := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	// Whoever reads the log may go away; that must not end the process.
	signal.Ignore(syscall.SIGPIPE)
	go func() {
		defer signal.Stop(signals)
		if <-signals == syscall.SIGTERM {
			end(errTerminated)
			return
		}
		end(context.Canceled)
	}()
	return ctx
}

// runReloading runs, and reloads the configuration on SIGHUP, when a file of it
// changes, and when an operator asks.
func (s *servers) runReloading(ctx context.Context, flags configFlags) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	s.live.load = flags.settings
	ctx, end := context.WithCancelCause(ctx)
	var reloading sync.WaitGroup
	reloading.Go(func() { s.live.keepReloading(ctx, hangups) })
	alive, over := context.WithCancel(context.Background())
	reloading.Go(func() { keepAlive(alive, s.live.log) })
	defer reloading.Wait()
	defer end(nil)
	defer over()
	return s.run(ctx)
}

// run answers requests until ctx ends, lets the exchanges under way end, and
// returns.
func (s *servers) run(ctx context.Context) error {
	var running sync.WaitGroup
	s.live.begin()
	failures := make(chan error, 2)
	running.Go(func() { failures <- s.dataHTTP.Serve(s.data) })
	running.Go(func() { failures <- s.serveAdmin() })
	now := s.live.now()
	now.log.Info("listening", "listen", s.data.Addr().String(), "admin", s.admin.Addr().String(),
		"upstream", now.settings.UpstreamURL())
	tell(now.log, daemon.SdNotifyReady, "carrying requests to "+now.settings.UpstreamURL())
	var failure error
	select {
	case failure = <-failures:
	case <-ctx.Done():
		if errors.Is(context.Cause(ctx), errTerminated) {
			failure = s.drain(failures)
		}
	}
	s.leave()
	// Shutdown closes new connections without an answer, so none may be under way
	// to it: those that were accepted are known once nobody accepts any more.
	_, _ = s.data.Close(), s.admin.Close()
	running.Wait()
	s.stop()
	return failure
}

// leave makes this process one that ends: it is not ready any more, each answer is
// the last on its connection, and nothing is reloaded.
func (s *servers) leave() {
	s.draining.Store(true)
	s.live.freeze()
}

// drain goes on answering while whoever sends clients here learns that it is no
// longer ready, and makes each answer the last on its connection, so that no
// client meets one that closes just as it sends a request.
func (s *servers) drain(failures <-chan error) error {
	s.leave()
	delay := s.live.now().settings.DrainDelay
	s.live.now().log.Info("draining", "delay", delay)
	tell(s.live.now().log, daemon.SdNotifyStopping, "draining: no longer ready, and still answering")
	select {
	case failure := <-failures:
		return failure
	case <-time.After(delay):
		return nil
	}
}

// stop lets the exchanges under way end, WebSockets included. Those that a client
// begins meanwhile on a connection it has are answered as well. What is left when
// drain.timeout is over is cut off.
func (s *servers) stop() {
	now := s.live.now()
	tell(now.log, daemon.SdNotifyStopping, "letting the exchanges under way end")
	ctx, cancel := context.WithTimeout(context.Background(), now.settings.DrainTimeout)
	defer cancel()
	s.clients.settle(ctx)
	s.operators.settle(ctx)
	for _, server := range []*http.Server{s.dataHTTP, s.adminHTTP} {
		_ = server.Shutdown(ctx) // fails if ctx ends
	}
	if ctx.Err() != nil {
		s.cut()
	}
	s.live.end()
	now.log.Info("stopped")
}

// cut closes the connections that are still in use when a shutdown times out, and
// counts and logs them. [http.Server] does not know the WebSockets.
func (s *servers) cut() {
	requests, webSockets := s.clients.cut()
	operators, _ := s.operators.cut()
	_, _ = s.dataHTTP.Close(), s.adminHTTP.Close()
	requests += operators
	if requests+webSockets == 0 {
		return
	}
	s.live.metrics.ConnectionsCut(requests, webSockets)
	s.live.log().Warn("shutdown timed out, connections closed", "requests", requests, "websockets", webSockets)
}
