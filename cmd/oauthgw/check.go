package main

import (
	"context"
	"errors"

	"oauthgw/internal/config"
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
