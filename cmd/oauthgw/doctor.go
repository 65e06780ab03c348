package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"oauthgw/internal/config"
	"oauthgw/internal/doctor"
	"oauthgw/wellknown"
)

// runDoctor examines an authorization server as its clients see it, and fails if there are
// problems.
func runDoctor(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var c doctor.Config
	set := newFlags("doctor", stderr)
	asJSON := formatFlag(set)
	set.BoolVar(&c.Follow, "follow", false, "also test endpoints that the metadata names at other origins; otherwise nothing is sent there")
	set.Func("ca-file", "the PEM `file` of CA certificates that verify the server, instead of the system's", func(file string) (err error) {
		c.Roots, err = config.ReadCertPool(file)
		return err
	})
	if err := set.Parse(args); err != nil {
		return err
	}
	if set.NArg() == 0 {
		return errors.New("oauthgw doctor: the URL of an authorization server is required, such as https://login.example.com")
	}
	c.URL = set.Arg(0)
	if err := parse(set, set.Args()[1:]); err != nil { // flags may follow the URL as well
		return err
	}
	r, err := doctor.Examine(ctx, c)
	if err != nil {
		return fmt.Errorf("oauthgw doctor: %w", err)
	}
	if *asJSON {
		err = writeJSON(stdout, r)
	} else {
		_, err = io.WriteString(stdout, r.String())
	}
	if n := r.Count(wellknown.Problem); err == nil && n > 0 {
		return fmt.Errorf("oauthgw doctor: problems: %d", n)
	}
	return err
}
