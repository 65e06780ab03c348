package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"oauthgw/clientauth"
	"oauthgw/internal/config"
	"oauthgw/internal/explain"
)

func runExplain(args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	set := newFlags("explain", stderr)
	file := set.String("config.file", "", "the configuration `file`, in YAML; the defaults if empty")
	name := set.String("endpoint", "", "the `endpoint` of the request, if the configuration has no endpoints; token if empty")
	if err := parse(set, args); err != nil {
		return err
	}
	s, err := config.Load(*file, map[string]string{"upstream.url": "https://provider.example"}) // nothing is sent
	if err != nil {
		return err
	}
	switch all := clientauth.Endpoints(); {
	case *name == "":
	case !slices.Contains(all, clientauth.Endpoint(*name)):
		return fmt.Errorf("--endpoint: must be one of %v", all)
	case len(s.Endpoints) > 0:
		return errors.New("--endpoint: the configuration has endpoints, and the path of the request selects one; omit the flag")
	}
	signal.Reset(os.Interrupt, syscall.SIGTERM) // they end the program at once, also while it reads
	return explain.Run(s, clientauth.Endpoint(*name), stdin, stdout)
}
