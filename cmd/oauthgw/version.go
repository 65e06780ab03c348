package main

import (
	"context"
	"fmt"
	"io"

	"oauthgw/metrics"
)

// version prints version information.
func version(_ context.Context, args []string, stdout, stderr io.Writer) error {
	if err := parse(newFlags("version", stderr), args); err != nil {
		return err
	}
	b := metrics.ReadBuild()
	_, err := fmt.Fprintf(stdout, "oauthgw %s (revision %s, %s)\n", b.Version, b.Revision, b.GoVersion)
	return err
}
