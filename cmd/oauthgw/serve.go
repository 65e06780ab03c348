package main

import (
	"context"
	"crypto/tls"
	"flag"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"oauthgw/internal/admin"
	"oauthgw/internal/config"
	"oauthgw/internal/connlimit"
	"oauthgw/internal/gateway"
	"oauthgw/internal/logging"
	"oauthgw/internal/server"
	"oauthgw/metrics"
)

// serve proxies requests until ctx ends.
func serve(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := newFlags("serve", stderr)
	flags := newConfigFlags(set)
	printVersion := set.Bool("version", false, "print version information and exit")
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
	t, err := newTelemetry(ctx, s, stdout, stderr)
	if err != nil {
		return err
	}
	defer t.close()
	sockets, err := server.ActivationListeners()
	if err != nil {
		return err
	}
	p, err := newProgram(s, flags.settings, t, sockets, true)
	if err != nil {
		return err
	}
	logging.RedirectStandardLogger(t.log)
	return p.run(ctx)
}

// program is a gateway and its servers.
type program struct {
	reloader *gateway.Reloader
	server   *server.Server
	log      *slog.Logger
}

// newProgram listens and prepares everything. Nothing is answered before run. With lint the
// program logs the problems of the metadata.
func newProgram(s config.Settings, load func() (config.Settings, error), t *telemetry, sockets server.Sockets, lint bool) (*program, error) {
	p := &program{log: t.log}
	var err error
	p.reloader, err = gateway.NewReloader(gateway.ReloaderConfig{
		Config: gateway.Config{Settings: s, Telemetry: t.gateway(), Admit: connlimit.Admit, Release: connlimit.Release},
		Load:   load,
		Lint:   lint,
		Notify: func(state, status string) { server.Notify(t.log, state, status) },
	})
	if err != nil {
		return nil, err
	}
	current := func() config.Settings { return p.reloader.Current().Settings() }
	c := server.Config{
		Handler: p.reloader,
		Admin: admin.New(admin.Config{
			Reloader: p.reloader, History: &t.history, Draining: func() bool { return p.server.Draining() },
			Started: time.Now(), Build: metrics.ReadBuild(), Metrics: t.metrics, Log: t.log,
		}),
		Listen: s.Listen, AdminListen: s.AdminListen, MaxConnections: s.MaxConnections, WebConfigFile: s.WebConfigFile,
		DrainDelay:   func() time.Duration { return current().DrainDelay },
		DrainTimeout: func() time.Duration { return current().DrainTimeout },
		OnDrain:      p.reloader.DisableReload,
		Upstream:     func() string { return current().UpstreamURL() },
		Activated:    sockets, Metrics: t.metrics, Log: t.log,
	}
	if s.Certificate != nil {
		c.Certificate = func() *tls.Certificate { return current().Certificate }
	}
	p.server, err = server.Listen(c)
	return p, err
}

// run answers requests until ctx ends. It reloads the configuration on SIGHUP, when a file
// of it changes, and when an operator asks for it.
func (p *program) run(ctx context.Context) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	p.reloader.Start(p.server.Addr())
	defer p.reloader.Stop()
	var background sync.WaitGroup
	defer background.Wait()
	watching, stopWatching := context.WithCancel(ctx)
	defer stopWatching()
	background.Go(func() { p.reloader.Watch(watching, hangups) })
	alive, stopWatchdog := context.WithCancel(context.Background())
	defer stopWatchdog()
	background.Go(func() { server.ServeWatchdog(alive, p.log) })
	return p.server.Run(ctx)
}

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
		"upstream.url": "the provider's `origin`, such as http://127.0.0.1:3000, or unix:/path",
		"listen":       "the `address` for clients, host:port or unix:/path",
		"admin.listen": "the `address` of metrics and health, host:port or unix:/path",
		"log.level":    "debug, info, warn or error",
		"log.format":   "json or text",
	} {
		f.keys[key] = set.String(key, "", help+"; overrides the configuration file")
	}
	return f
}

// settings loads the configuration file, and the flags that were given over it.
func (f configFlags) settings() (config.Settings, error) {
	overrides := map[string]string{}
	f.set.Visit(func(given *flag.Flag) {
		if value := f.keys[given.Name]; value != nil {
			overrides[given.Name] = *value
		}
	})
	return config.Load(*f.file, overrides)
}
