// Package demo runs a legacy provider and a gateway in one process and shows the same
// request failing at the provider and succeeding at the gateway.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"oauthgw/internal/admin"
	"oauthgw/internal/config"
	"oauthgw/internal/connlimit"
	"oauthgw/internal/gateway"
	"oauthgw/internal/legacy"
	"oauthgw/internal/logging"
	"oauthgw/internal/server"
	"oauthgw/metrics"
	"oauthgw/proxy"
)

// Config configures [Run].
type Config struct {
	// Listen is the address of the gateway. Port 0 means a free one.
	Listen string
	// Once ends the demo after the comparison. Otherwise it goes on until ctx ends.
	Once bool
}

// Run runs the demo. It prints the comparison to stdout and logs to stderr. The error may
// say that the comparison did not end as expected.
func Run(ctx context.Context, c Config, stdout, stderr io.Writer) error {
	e, err := start(ctx, c.Listen, stderr)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	err = e.compare(stdout)
	if err == nil && !c.Once {
		e.printHints(stdout)
		<-ctx.Done()
	}
	return errors.Join(err, e.close())
}

// environment is a provider and a gateway that run in this process.
type environment struct {
	provider, gateway, admin string // origins
	received                 chan legacy.Observation
	client                   *client
	close                    func() error
}

// start starts both. The metadata of the provider names the origin of the gateway, which is
// the one that clients use.
func start(ctx context.Context, address string, stderr io.Writer) (*environment, error) {
	provider, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := config.Default()
	c.Listen, c.Admin.Listen = address, "127.0.0.1:0"
	c.Upstream.URL = "http://" + provider.Addr().String()
	c.Registration.ClientConfiguration = "/oauth2/clients"
	settings, err := c.Validate()
	if err != nil {
		return nil, errors.Join(err, provider.Close())
	}
	reloader, srv, err := listen(settings, stderr)
	if err != nil {
		return nil, errors.Join(err, provider.Close())
	}
	e := &environment{
		provider: c.Upstream.URL,
		gateway:  "http://" + srv.Addr(),
		admin:    "http://" + srv.AdminAddr(),
		received: make(chan legacy.Observation, 16),
		client:   newClient(),
	}
	e.run(ctx, provider, reloader, srv)
	return e, nil
}

// listen prepares the gateway and its servers.
func listen(s config.Settings, stderr io.Writer) (*gateway.Reloader, *server.Server, error) {
	format, m := &logging.Format{}, metrics.New(metrics.ReadBuild())
	format.Set(slog.LevelWarn, false)
	log := slog.New(format.Handler(stderr))
	history := &admin.History{}
	reloader, err := gateway.NewReloader(gateway.ReloaderConfig{
		Config: gateway.Config{Settings: s, Admit: connlimit.Admit, Release: connlimit.Release, Telemetry: gateway.Telemetry{Metrics: m, Log: log,
			OnDecision: func(_ context.Context, d proxy.Decision) { history.Add(d) }}},
		Load: func() (config.Settings, error) { return s, nil },
	})
	if err != nil {
		return nil, nil, err
	}
	var srv *server.Server
	handler := admin.New(admin.Config{Reloader: reloader, History: history, Draining: func() bool { return srv.Draining() },
		Started: time.Now(), Build: metrics.ReadBuild(), Metrics: m, Log: log})
	srv, err = server.Listen(server.Config{
		Handler: reloader, Admin: handler, Listen: s.Listen, AdminListen: s.AdminListen, MaxConnections: s.MaxConnections,
		DrainTimeout: func() time.Duration { return s.DrainTimeout }, Upstream: s.UpstreamURL, Metrics: m, Log: log,
	})
	return reloader, srv, err
}

// run serves until close is called.
func (e *environment) run(ctx context.Context, provider net.Listener, reloader *gateway.Reloader, srv *server.Server) {
	upstream := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: legacy.New(legacy.Config{
		PublicURL: e.gateway,
		Observe: func(o legacy.Observation) {
			select {
			case e.received <- o:
			default: // no one looks any more
			}
		},
	})}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	var failure error
	reloader.Start(srv.Addr())
	running.Go(func() { _ = upstream.Serve(provider) }) // until Close
	running.Go(func() { failure = srv.Run(ctx) })
	e.close = func() error {
		cancel()
		err := upstream.Close()
		running.Wait()
		reloader.Stop()
		return errors.Join(failure, err)
	}
}

// compare prints what happens to the same request at the provider and at the gateway.
func (e *environment) compare(w io.Writer) error {
	fmt.Fprintf(w, "Legacy provider           %s\noauthgw in front of it    %s\n\n", e.provider, e.gateway)
	if err := e.client.register(e.gateway); err != nil {
		return err
	}
	code, err := e.client.authorize(e.gateway)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "A client has registered and the user has consented. The client has an ID, a\nsecret and a code, and sends them as RFC 6749 requires:\n\n"+
		"  POST /oauth2/tokens   Authorization: Basic …   grant_type=authorization_code&code=…\n\n")
	if err := e.redeem(w, "To the provider", e.provider, code, http.StatusBadRequest); err != nil {
		return err
	}
	return e.redeem(w, "Through oauthgw", e.gateway, code, http.StatusOK)
}

// redeem redeems the code, and prints the response and what the provider received.
func (e *environment) redeem(w io.Writer, title, origin, code string, want int) error {
	r, err := e.client.redeem(origin, code)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s\n  response          %s\n  provider received %s\n\n", title, r, e.lastReceived())
	if r.status != want {
		return fmt.Errorf("demo: %s answered %d, not %d", origin, r.status, want)
	}
	return nil
}

// lastReceived describes the last request at the provider.
func (e *environment) lastReceived() string {
	select {
	case o := <-e.received:
		return fmt.Sprintf("Authorization: %s, parameters: %s", yesNo(o.Authorization), list(o.Parameters))
	default:
		return "nothing"
	}
}

// printHints prints commands to try. Each needs a new code.
func (e *environment) printHints(w io.Writer) {
	fmt.Fprintf(w, `Try it; each request needs its own code:

  code() { curl -s -o /dev/null -w '%%{redirect_url}' -d decision=allow \
    '%[1]s/oauth2/authorize?response_type=code&client_id=%[3]s' | sed 's/.*code=//'; }

  curl -i -u %[3]s:%[4]s \
    -d grant_type=authorization_code -d "code=$(code)" %[2]s/oauth2/tokens

  curl -i -u %[3]s:%[4]s \
    -d grant_type=authorization_code -d "code=$(code)" %[1]s/oauth2/tokens

  curl %[1]s/.well-known/oauth-authorization-server
  curl %[5]s/metrics

Interrupt to stop.
`, e.gateway, e.provider, e.client.ID, e.client.Secret, e.admin)
}
