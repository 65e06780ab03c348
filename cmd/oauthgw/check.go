package main

import (
	"context"
	"errors"
	"fmt"

	"oauthgw/internal/config"
	"oauthgw/internal/doctor"
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
