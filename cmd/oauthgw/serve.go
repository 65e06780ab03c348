package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"oauthgw/metrics"
)

// configFlags are the flags that give a configuration.
type configFlags struct {
	set  *flag.FlagSet
	file *string
	keys map[string]*string
}

func newConfigFlags(set *flag.FlagSet) configFlags {
	f := configFlags{set: set, keys: map[string]*string{}}
	f.file = set.String("config.file", "", "the configuration `file`, in YAML")
	for key, help := range map[string]string{
		"upstream.url": "the provider's `origin`, such as http://127.0.0.1:3000",
		"listen":       "the `address` that clients reach, host:port",
		"admin.listen": "the `address` of metrics and health, host:port",
		"log.level":    "debug, info, warn or error",
		"log.format":   "json or text",
	} {
		f.keys[key] = set.String(key, "", help+"; overrides the configuration file")
	}
	return f
}

// settings reads the configuration file and puts the flags that were given
// over it. The error tells every mistake, each on a line.
func (f configFlags) settings() (settings, error) {
	c, source, mistakes := readConfig(*f.file)
	if source == nil {
		return settings{}, errors.Join(mistakes...)
	}
	source.flags = map[string]bool{}
	f.set.Visit(func(fl *flag.Flag) { source.flags[fl.Name] = true })
	for key, field := range map[string]*string{
		"upstream.url": &c.Upstream.URL, "listen": &c.Listen, "admin.listen": &c.Admin.Listen,
		"log.level": &c.Log.Level, "log.format": &c.Log.Format,
	} {
		if source.flags[key] {
			*field = *f.keys[key]
		}
	}
	s, more := c.compile(source)
	return s, errors.Join(append(mistakes, more...)...)
}

// serve is the command that carries requests until ctx ends.
func serve(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := newFlags("serve", stderr)
	flags := newConfigFlags(set)
	printVersion := set.Bool("version", false, "print what this binary is, and exit")
	if err := parse(set, args); err != nil {
		return err
	}
	if *printVersion {
		return version(ctx, nil, stdout, stderr)
	}
	s, err := flags.settings()
	if err != nil {
		return err
	}
	l := newLog(s, stderr)
	redirectStandardLog(l)
	servers, err := listen(s, l)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var judging sync.WaitGroup
	judging.Go(func() { servers.gateway.keepJudging(ctx) })
	defer judging.Wait()
	defer cancel()
	return servers.run(ctx)
}

// servers are the gateway and its two listeners.
type servers struct {
	gateway             *gateway
	data, admin         net.Listener
	dataHTTP, adminHTTP *http.Server
}

// listen takes the addresses and prepares the gateway. Nothing is answered
// before run.
func listen(s settings, l *slog.Logger) (*servers, error) {
	m := metrics.New(build())
	g, err := newGateway(s, m, l)
	if err != nil {
		return nil, err
	}
	m.ConfigLoaded(true)
	data, err := net.Listen("tcp", s.listen)
	if err != nil {
		return nil, fmt.Errorf("cannot listen for clients (listen: %s): %w", s.listen, cause(err))
	}
	admin, err := net.Listen("tcp", s.adminListen)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot listen for operators (admin.listen: %s): %w", s.adminListen, cause(err)), data.Close())
	}
	errorLog := newStandardLog(l)
	return &servers{gateway: g, data: data, admin: admin,
		dataHTTP: newServer(g, errorLog), adminHTTP: newServer(g.admin(), errorLog)}, nil
}

// cause returns the system's reason, without the address that stands before it.
func cause(err error) error {
	var reason *os.SyscallError
	if errors.As(err, &reason) {
		return reason.Err
	}
	return err
}

func newServer(h http.Handler, errorLog *log.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		// Longer than clients' pools keep connections, shorter than balancers do.
		IdleTimeout: 75 * time.Second,
		// The default of 1 MiB lets a thousand slow clients take a gigabyte.
		MaxHeaderBytes: 16 << 10,
		ErrorLog:       errorLog,
	}
}

// grace is how long exchanges may go on after the end was asked for.
const grace = 10 * time.Second

// run answers requests until ctx ends, lets the exchanges under way end, and
// returns.
func (s *servers) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { s.gateway.keepLearning(ctx) })
	failures := make(chan error, 2)
	running.Go(func() { failures <- s.dataHTTP.Serve(s.data) })
	running.Go(func() { failures <- s.adminHTTP.Serve(s.admin) })
	s.gateway.log.Info("listening", "listen", s.data.Addr().String(), "admin", s.admin.Addr().String(),
		"upstream", s.gateway.settings.upstream.String())
	var failure error
	select {
	case failure = <-failures:
	case <-ctx.Done():
	}
	cancel()
	s.stop()
	running.Wait()
	return failure
}

func (s *servers) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	for _, server := range []*http.Server{s.dataHTTP, s.adminHTTP} {
		if err := server.Shutdown(ctx); err != nil {
			s.gateway.log.Warn("exchanges were cut off at the end", "fault", err.Error())
			_ = server.Close() // the listeners are closed already
		}
	}
	s.gateway.close()
	s.gateway.log.Info("stopped")
}
