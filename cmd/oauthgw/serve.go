package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"log"
	"math"
	"net"
	"net/http"
	"oauthgw/internal/config"
	"sync/atomic"
	"time"
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
		"upstream.url": "the provider's `origin`, such as http://127.0.0.1:3000, or unix:/path",
		"listen":       "the `address` that clients reach, host:port or unix:/path",
		"admin.listen": "the `address` of metrics and health, host:port or unix:/path",
		"log.level":    "debug, info, warn or error",
		"log.format":   "json or text",
	} {
		f.keys[key] = set.String(key, "", help+"; overrides the configuration file")
	}
	return f
}

// settings loads the configuration file, with the flags that were given over it.
func (f configFlags) settings() (config.Settings, error) {
	overrides := map[string]string{}
	f.set.Visit(func(given *flag.Flag) {
		if value := f.keys[given.Name]; value != nil {
			overrides[given.Name] = *value
		}
	})
	return config.Load(*f.file, overrides)
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
	o, dismiss, err := newObservers(ctx, s, stdout, stderr)
	if err != nil {
		return err
	}
	defer dismiss()
	given, err := activated()
	if err != nil {
		return err
	}
	servers, err := listen(given, s, o)
	if err != nil {
		return err
	}
	redirectStandardLog(servers.live.log)
	servers.live.judging = true
	return servers.runReloading(ctx, flags)
}

// servers are the gateway and its two listeners.
type servers struct {
	live                *live
	data, admin         net.Listener
	clients, operators  *bounded // what data and admin are made of
	dataHTTP, adminHTTP *http.Server
	draining            atomic.Bool // every answer is the last on its connection
	started             time.Time
}

// listen takes the addresses for which no socket is given, and prepares the
// gateway. Nothing is answered before run.
func listen(given sockets, s config.Settings, o observers) (*servers, error) {
	o.decisions = &decisions{}
	live, err := newLive(s, o)
	if err != nil {
		return nil, err
	}
	data, err := given.listenOn("listen", "clients", s.Listen)
	if err != nil {
		return nil, err
	}
	admin, err := given.listenOn("admin.listen", "operators", s.AdminListen)
	if err != nil {
		return nil, errors.Join(err, data.Close())
	}
	live.listen = data.Addr().String()
	if data.Addr().Network() == "unix" {
		live.listen = unixPrefix + live.listen
	}
	errorLog := newStandardLog(live.log)
	clients, operators := atMost(s.MaxConnections, data, o.metrics.ConnectionEvicted), atMost(math.MaxInt, admin, nil)
	live.observe(clients)
	servers := &servers{live: live, data: clients, clients: clients, admin: operators, operators: operators, started: time.Now()}
	servers.dataHTTP = servers.newServer(live.surviving(live), errorLog)
	servers.adminHTTP = servers.newServer(live.surviving(servers.operations()), errorLog)
	return servers, nil
}

const (
	// headerTime is how long the header of a request may take.
	headerTime = 5 * time.Second
	// maxHeader bounds the header of a request, in bytes. The default of net/http, 1 MiB,
	// lets a thousand slow clients take a gigabyte.
	maxHeader = 16 << 10
)

func (s *servers) newServer(h http.Handler, errorLog *log.Logger) *http.Server {
	return &http.Server{
		Handler: lastWhile(&s.draining, dropTrailers(identified(untilWhole(h)))),
		// Its answer would not be lastWhile's.
		DisableGeneralOptionsHandler: true,
		ConnContext:                  withConnection,
		ConnState:                    note,
		ReadHeaderTimeout:            headerTime,
		// Of bodies that nobody reads; whoever reads one sets its own.
		ReadTimeout: 15 * time.Second,
		// Of metadata and refusals; endpoints and streams set their own.
		WriteTimeout: 30 * time.Second,
		// Longer than clients' pools keep connections, shorter than balancers do.
		IdleTimeout:    75 * time.Second,
		MaxHeaderBytes: maxHeader - 4<<10, // net/http takes 4 KiB more
		ErrorLog:       errorLog,
	}
}
