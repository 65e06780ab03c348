package main

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"

	"oauthgw/metrics"
)

// version is the command that prints what this binary is.
func version(_ context.Context, args []string, stdout, stderr io.Writer) error {
	if err := parse(newFlags("version", stderr), args); err != nil {
		return err
	}
	b := build()
	_, err := fmt.Fprintf(stdout, "oauthgw %s (revision %s, %s)\n", b.Version, b.Revision, b.GoVersion)
	return err
}

// build describes the binary as the toolchain stamped it.
func build() metrics.Build {
	b := metrics.Build{Version: "unknown", Revision: "unknown", GoVersion: "unknown"}
	stamp, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.GoVersion = stamp.GoVersion
	if stamp.Main.Version != "" {
		b.Version = stamp.Main.Version
	}
	for _, s := range stamp.Settings {
		if s.Key == "vcs.revision" {
			b.Revision = s.Value
		}
	}
	return b
}
