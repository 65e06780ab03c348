package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"oauthgw/clientauth"
	"oauthgw/internal/config"
	"oauthgw/internal/explain"
)

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
