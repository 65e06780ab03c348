package main

import (
	"context"
	"io"

	"oauthgw/internal/demo"
)

// runDemo runs the demo.
func runDemo(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := newFlags("demo", stderr)
	once := flags.Bool("once", false, "exit after the comparison")
	address := flags.String("listen", "127.0.0.1:0", "the `address` of the gateway; port 0 means a free one")
	if err := parse(flags, args); err != nil {
		return err
	}
	return demo.Run(ctx, demo.Config{Listen: *address, Once: *once}, stdout, stderr)
}
