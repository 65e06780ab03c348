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
	file := set.String("config.file", "", "the configuration `file`, in YAML; without it, all defaults")
	name := set.String("endpoint", "", "the `name` of the endpoint of the request, if the configuration has no endpoints; empty: token")
	if err := parse(set, args); err != nil {
		return err
	}
	overrides := map[string]string{}
	if *file == "" { // no request is sent
		overrides["upstream.url"] = "https://provider.example"
	}
	s, err := config.Load(*file, overrides)
	endpoint := clientauth.Endpoint(*name)
	var names []string
	for _, e := range clientauth.Endpoints() {
		names = append(names, string(e))
	}
	switch {
	case endpoint == "":
	case !slices.Contains(names, *name):
		err = errors.Join(err, fmt.Errorf("--endpoint: must be one of %s", strings.Join(names, ", ")))
	case len(s.Endpoints) > 0:
		err = errors.Join(err, errors.New("--endpoint: the configuration has endpoints, and the path of the request selects one; omit the flag"))
	}
	if err != nil {
		return err
	}
	return explain.Run(ctx, explain.Config{Settings: s, Endpoint: endpoint}, stdin, stdout)
}
