package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"oauthgw/internal/config"
	"oauthgw/internal/legacy"
	"oauthgw/metrics"
	"sync"
	"time"
)

// demo is the command that starts a legacy provider and the gateway before it,
// shows the same request failing at the one and succeeding at the other, and
// keeps both for trying.
func demo(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := newFlags("demo", stderr)
	once := flags.Bool("once", false, "exit after the showing")
	address := flags.String("listen", "127.0.0.1:0", "the gateway's `address`; port 0 takes a free one")
	if err := parse(flags, args); err != nil {
		return err
	}
	s, err := startStage(ctx, *address, stderr)
	if err != nil {
		return err
	}
	err = s.show(stdout)
	if err == nil && !*once {
		s.invite(stdout)
		<-ctx.Done()
	}
	return errors.Join(err, s.close())
}

// stage is a provider and a gateway that run in this process.
type stage struct {
	provider, gateway, admin string // origins
	arrived                  chan legacy.Observation
	client                   *demoClient
	close                    func() error
}

// startStage starts both. The provider's documents name the gateway's origin:
// that is the one that clients use.
func startStage(ctx context.Context, address string, stderr io.Writer) (*stage, error) {
	provider, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	c := config.Default()
	c.Listen, c.Admin.Listen = address, "127.0.0.1:0"
	c.Upstream.URL = "http://" + provider.Addr().String()
	c.Registration.ClientConfiguration = "/oauth2/clients"
	c.Log.Level, c.Log.Format = "warn", "text"
	valid, err := c.Validate()
	if err != nil {
		return nil, errors.Join(err, provider.Close())
	}
	gateway, err := listen(nil, valid, observers{newLog: func(s config.Settings) *slog.Logger { return newLog(s, stderr) }, metrics: metrics.New(build())})
	if err != nil {
		return nil, errors.Join(err, provider.Close())
	}
	s := &stage{
		provider: c.Upstream.URL,
		gateway:  "http://" + gateway.data.Addr().String(),
		admin:    "http://" + gateway.admin.Addr().String(),
		arrived:  make(chan legacy.Observation, 16),
		client:   newDemoClient(),
	}
	s.run(ctx, provider, gateway)
	return s, nil
}

// run serves until close is called, whatever becomes of ctx before.
func (s *stage) run(ctx context.Context, provider net.Listener, gateway *servers) {
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: legacy.New(legacy.Config{
		PublicURL: s.gateway,
		Observe: func(o legacy.Observation) {
			select {
			case s.arrived <- o:
			default: // nobody is looking any more
			}
		},
	})}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	var failure error
	running.Go(func() { _ = server.Serve(provider) }) // ends by Close
	running.Go(func() { failure = gateway.run(ctx) })
	s.close = func() error {
		cancel()
		err := server.Close()
		running.Wait()
		return errors.Join(failure, err)
	}
}

// show tells the story. Its error says that it did not end as it should.
func (s *stage) show(w io.Writer) error {
	fmt.Fprintf(w, "A legacy provider is at   %s\noauthgw stands before it  %s\n\n", s.provider, s.gateway)
	if err := s.client.register(s.gateway); err != nil {
		return err
	}
	code, err := s.client.authorize(s.gateway)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "A client has registered and the user has consented. It holds a client id, a\nsecret and a code, and presents them as RFC 6749 tells it to:\n\n"+
		"  POST /oauth2/tokens   Authorization: Basic …   grant_type=authorization_code&code=…\n\n")
	if err := s.exchange(w, "To the provider", s.provider, code, http.StatusBadRequest); err != nil {
		return err
	}
	return s.exchange(w, "Through oauthgw", s.gateway, code, http.StatusOK)
}

// exchange presents the code and prints what came back, and what the provider
// saw of it.
func (s *stage) exchange(w io.Writer, title, origin, code string, want int) error {
	answer, err := s.client.redeem(origin, code)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s\n  answer         %s\n  provider saw   %s\n\n", title, answer, s.saw())
	if answer.status != want {
		return fmt.Errorf("demo: %s answered %d and not %d", origin, answer.status, want)
	}
	return nil
}

// saw tells what of the last exchange arrived at the provider, which was before
// its answer.
func (s *stage) saw() string {
	select {
	case o := <-s.arrived:
		return fmt.Sprintf("Authorization: %s, parameters: %s", yesNo(o.Authorization), words(o.Parameters))
	default:
		return "nothing"
	}
}

// invite prints what to try by hand. The code is a new one each time.
func (s *stage) invite(w io.Writer) {
	fmt.Fprintf(w, `Try it; each exchange needs a code of its own:

  code() { curl -s -o /dev/null -w '%%{redirect_url}' -d decision=allow \
    '%[1]s/oauth2/authorize?response_type=code&client_id=%[3]s' | sed 's/.*code=//'; }

  curl -i -u %[3]s:%[4]s \
    -d grant_type=authorization_code -d "code=$(code)" %[2]s/oauth2/tokens

  curl -i -u %[3]s:%[4]s \
    -d grant_type=authorization_code -d "code=$(code)" %[1]s/oauth2/tokens

  curl %[1]s/.well-known/oauth-authorization-server
  curl %[5]s/metrics

Interrupt to stop.
`, s.gateway, s.provider, s.client.ID, s.client.Secret, s.admin)
}
