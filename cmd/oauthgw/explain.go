package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/config"
	"oauthgw/internal/explain"
)

// runExplain explains the request on standard input.
func runExplain(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	set := newFlags("explain", stderr)
	file := set.String("config.file", "", "the configuration `file`, in YAML; the defaults if empty")
	name := set.String("endpoint", "", "the `endpoint` of the request, if the configuration has no endpoints; token if empty")
	if err := parse(set, args); err != nil {
		return err
	}
	overrides := map[string]string{}
	if *file == "" { // no request is sent
		overrides["upstream.url"] = "https://provider.example"
	}
	s, err := config.Load(*file, overrides)
	if err != nil {
		return err
	}
	var names []string
	for _, e := range clientauth.Endpoints() {
		names = append(names, string(e))
	}
	switch {
	case *name == "":
	case !slices.Contains(names, *name):
		return fmt.Errorf("--endpoint: must be one of %s", strings.Join(names, ", "))
	case len(s.Endpoints) > 0:
		return errors.New("--endpoint: the configuration has endpoints, and the path of the request selects one; omit the flag")
	}
	return explain.Run(ctx, s, clientauth.Endpoint(*name), stdin, stdout)
}
