// Package server runs the public and the admin HTTP server: listeners, socket activation,
// middleware, drain and shutdown.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"oauthgw/internal/connlimit"
	"oauthgw/internal/logging"
	"oauthgw/metrics"
	"oauthgw/proxy"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/prometheus/exporter-toolkit/web"
	"golang.org/x/time/rate"
)

// Config configures a [Server]. The functions are called at any time and concurrently.
type Config struct {
	Handler, Admin      http.Handler            // for clients and for operators
	Listen, AdminListen string                  // host:port or unix:/path
	MaxConnections      int                     // of clients
	Certificate         func() *tls.Certificate // for clients; nil: plain HTTP
	WebConfigFile       string                  // of Prometheus exporters: TLS and basic auth of the admin server; empty: none
	MaxHeaderBytes      int                     // of a request, with the request line; more than 4096
	// HeaderTimeout is that of the TLS handshake and a request header, and IdleTimeout that
	// between two requests. StallTimeout is that of a body that no handler reads. It also gives
	// the timeout of a response for which no handler sets a deadline.
	HeaderTimeout, IdleTimeout, StallTimeout time.Duration
	// DrainDelay is how long requests are answered after SIGTERM, DrainTimeout how long
	// the requests in flight may take after that.
	DrainDelay, DrainTimeout func() time.Duration
	OnDrain                  func()        // called when the shutdown begins
	Upstream                 func() string // the name of the provider in log lines
	// TrustsPeer reports whether the X-Request-Id of a request is believed. Nil: never.
	TrustsPeer func(*http.Request) bool
	Activated  Sockets // passed to this process, or nil
	Metrics    *metrics.Metrics
	Log        *slog.Logger
}

// Server is the public and the admin server. It is safe for concurrent use.
type Server struct {
	config                  Config
	public, admin           *http.Server
	publicLimit, adminLimit *connlimit.Listener
	draining                atomic.Bool
	handling                atomic.Int64 // requests
}

// Listen listens on both addresses. Nothing is answered before [Server.Run].
func Listen(c Config) (*Server, error) {
	public, err := c.Activated.listen("listen", c.Listen)
	if err != nil {
		return nil, err
	}
	admin, err := c.Activated.listen("admin.listen", c.AdminListen)
	if err != nil {
		return nil, errors.Join(err, public.Close())
	}
	s := &Server{config: c}
	s.publicLimit = connlimit.New(public, s.publicLimits())
	s.adminLimit = connlimit.New(admin, connlimit.Config{Max: math.MaxInt})
	c.Metrics.Connections(s.publicLimit.Connections)
	s.public, s.admin = s.newServer(c.Handler), s.newServer(c.Admin)
	return s, nil
}

// publicLimits logs each limit at most once a minute, and refused requests at most once a second.
func (s *Server) publicLimits() connlimit.Config {
	perMinute := map[string]*rate.Sometimes{"max_connections": {Interval: time.Minute}, "streams": {Interval: time.Minute}, "uploads": {Interval: time.Minute}}
	perSecond := &rate.Sometimes{Interval: time.Second}
	c := connlimit.Config{Max: s.config.MaxConnections, HandshakeTimeout: s.config.HeaderTimeout, OnEvict: func(state string) { s.config.Metrics.ConnectionEvicted.Inc(state) }}
	if s.config.Certificate != nil {
		c.TLS = &tls.Config{
			MinVersion: tls.VersionTLS12,
			NextProtos: []string{"http/1.1"},
			// Looked up for each connection, because a reload may replace it.
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.config.Certificate(), nil },
		}
	}
	c.OnLimit = func(limit string, admitted int) {
		perMinute[limit].Do(func() {
			s.config.Log.Warn("connection limit reached", "limit", limit, "max_connections", c.Max, "passthrough", admitted)
		})
	}
	c.OnRefuse = func(reason string, client net.Addr, err error) {
		s.config.Metrics.MalformedRequest.Inc(reason)
		perSecond.Do(func() {
			ip, _, _ := net.SplitHostPort(client.String()) // empty for a Unix socket
			attrs := []any{slog.String("reason", reason), slog.String("client_ip", ip)}
			if err != nil {
				attrs = append(attrs, slog.String("err", logging.BeforeQuote(err.Error())))
			}
			s.config.Log.Info("request refused by net/http", attrs...)
		})
	}
	return c
}

// newServer returns a server with the timeouts of both. Request bodies, streams and uploads of
// package proxy set their own while they handle a request.
func (s *Server) newServer(h http.Handler) *http.Server {
	c := s.config
	return &http.Server{
		Handler:                      s.middleware(h),
		DisableGeneralOptionsHandler: true, // it would bypass the middleware
		ConnContext:                  connlimit.ConnContext,
		ConnState:                    connlimit.ConnState,
		ReadHeaderTimeout:            c.HeaderTimeout,
		ReadTimeout:                  c.HeaderTimeout + c.StallTimeout,   // for a body that no handler reads
		WriteTimeout:                 proxy.WriteTimeout(c.StallTimeout), // for metadata and error responses; the middleware sets it again
		IdleTimeout:                  c.IdleTimeout,
		MaxHeaderBytes:               c.MaxHeaderBytes - 4<<10, // net/http allows 4 KiB more
		ErrorLog:                     logging.NewStandardLogger(c.Log),
	}
}

// Addr returns the address of the public listener, host:port or unix:/path.
func (s *Server) Addr() string { return address(s.publicLimit) }

// AdminAddr returns the address of the admin listener, host:port or unix:/path.
func (s *Server) AdminAddr() string { return address(s.adminLimit) }

// Draining reports whether the shutdown has begun.
func (s *Server) Draining() bool { return s.draining.Load() }

// Run answers until ctx ends, and then until requests have finished or the drain timeout is over.
func (s *Server) Run(ctx context.Context) error {
	var running sync.WaitGroup
	failures := make(chan error, 2)
	running.Go(func() { failures <- s.public.Serve(s.publicLimit) })
	running.Go(func() { failures <- s.serveAdmin() })
	upstream := s.config.Upstream()
	s.config.Log.Info("listening", "listen", s.publicLimit.Addr().String(), "admin", s.adminLimit.Addr().String(), "upstream", upstream)
	Notify(s.config.Log, daemon.SdNotifyReady, "proxying to "+upstream)
	var failure error
	select {
	case failure = <-failures:
	case <-ctx.Done():
	}
	s.draining.Store(true) // each response is the last on its connection now
	s.config.OnDrain()
	if failure == nil && errors.Is(context.Cause(ctx), ErrTerminated) {
		failure = s.drain(failures)
	}
	// Shutdown closes new connections without an answer, so none may be on the way to it.
	_, _ = s.publicLimit.Close(), s.adminLimit.Close()
	running.Wait()
	s.shutdown()
	return failure
}

// serveAdmin runs the admin server. Each request reads the web configuration file again.
func (s *Server) serveAdmin() error {
	file := s.config.WebConfigFile
	if file == "" {
		return s.admin.Serve(s.adminLimit)
	}
	return web.Serve(s.adminLimit, s.admin, &web.FlagConfig{WebConfigFile: &file}, slog.New(logging.RedactYAML(s.config.Log.Handler())))
}

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
