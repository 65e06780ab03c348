package main

import (
	"context"
	"io"

	"oauthgw/internal/config"
	"oauthgw/internal/demo"
)

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
