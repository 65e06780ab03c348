package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"oauthgw/clientauth"
	"oauthgw/internal/config"
	"oauthgw/internal/demo"
	"oauthgw/internal/doctor"
	"oauthgw/internal/explain"
	"oauthgw/internal/gateway"
	"oauthgw/wellknown"
)

func check(ctx context.Context, i *invocation) error {
	load, write := config.Flags(i.flags), formatFlag(i)
	offline := i.flags.Bool("offline", false, "check only the configuration, and do not fetch the metadata of the provider")
	var mcp wellknown.MCPURL
	i.flags.Var(&mcp, "mcp-url", mcpURLHelp)
	if _, err := i.parse(); err != nil {
		return err
	}
	report, err := gateway.Check(ctx, load, *offline, &mcp)
	return errors.Join(write(report), err)
}

const mcpURLHelp = "also report what agents such as Codex need to log in for the MCP server at this `URL`"

// runDoctor examines an authorization server as its clients see it. Problems are an error.
func runDoctor(ctx context.Context, i *invocation) error {
	var c doctor.Config
	write := formatFlag(i)
	i.flags.BoolVar(&c.Follow, "follow", false, "also test endpoints that the metadata names at other origins; otherwise nothing is sent there")
	i.flags.Var(&c.MCPURL, "mcp-url", mcpURLHelp)
	roots := i.flags.String("ca-file", "", "the PEM `file` of CA certificates that verify the server, instead of the system's")
	args, err := i.parse()
	if err != nil {
		return err
	}
	if *roots != "" {
		if c.Roots, err = config.ReadCertPool(*roots); err != nil {
			return fmt.Errorf("--ca-file: %w", err)
		}
	}
	c.URL = args[0]
	r, err := doctor.Examine(ctx, c)
	if err != nil && ctx.Err() == nil {
		err = i.usageErrorf("%w", err)
	}
	if err == nil {
		err = write(r)
	}
	if n := r.Count(wellknown.Problem); err == nil && n > 0 {
		err = fmt.Errorf("problems: %d", n)
	}
	return err
}

func runDemo(ctx context.Context, i *invocation) error {
	once := i.flags.Bool("once", false, "exit after the comparisons")
	address := i.flags.String("listen", "127.0.0.1:0", "the `address` of the gateway; port 0 (the default) is a free one")
	if _, err := i.parse(); err != nil {
		return err
	}
	start := func(s config.Settings) (demo.Gateway, error) {
		t, err := newTelemetry(ctx, s, io.Discard, i.stderr)
		if err != nil {
			return demo.Gateway{}, err
		}
		p, err := newProgram(s, func() (config.Settings, error) { return s, nil }, t, nil, false)
		if err != nil {
			t.close()
			return demo.Gateway{}, err
		}
		return demo.Gateway{Addr: p.server.Addr(), AdminAddr: p.server.AdminAddr(), Run: func(ctx context.Context) error {
			defer t.close()
			return p.run(ctx)
		}}, nil
	}
	return demo.Run(ctx, demo.Config{Listen: *address, Once: *once, Start: start}, i.stdout)
}

func runExplain(_ context.Context, i *invocation) error {
	file := i.flags.String("config.file", "", "the configuration `file`, in YAML; the defaults if empty")
	var endpoint clientauth.Endpoint
	i.flags.Func("endpoint", "the `endpoint` of the request, if the configuration has no endpoints; token if empty", func(name string) error {
		if endpoint = clientauth.Endpoint(name); !slices.Contains(clientauth.AllEndpoints(), endpoint) {
			return fmt.Errorf("must be one of %v", clientauth.AllEndpoints())
		}
		return nil
	})
	if _, err := i.parse(); err != nil {
		return err
	}
	s, err := config.Load(*file, map[string]string{"upstream.url": "https://provider.example"}) // nothing is sent
	if err != nil {
		return err
	}
	if endpoint != "" && len(s.Endpoints) > 0 {
		return i.usageErrorf("--endpoint: the configuration has endpoints, and the path of the request selects one; omit the flag")
	}
	signal.Reset(os.Interrupt, syscall.SIGTERM) // they end the program at once, also while it reads
	return explain.Run(s, endpoint, i.stdin, i.stdout)
}
