package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"oauthgw/internal/config"
	"oauthgw/internal/doctor"
	"oauthgw/wellknown"
)

// runDoctor examines an authorization server as its clients see it.
func runDoctor(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	set := newFlags("doctor", stderr)
	isJSON := formatFlag(set)
	follow := set.Bool("follow", false, "also test endpoints at other origins that the metadata names; without it nothing is sent there")
	ca := set.String("ca-file", "", "the `file` of certificates, in PEM, to verify the server; empty: those of the system")
	if err := set.Parse(args); err != nil {
		return err
	}
	if set.NArg() == 0 {
		return errors.New("oauthgw doctor: the URL of an authorization server is required, such as https://login.example.com")
	}
	c := doctor.Config{URL: set.Arg(0)}
	if err := parse(set, set.Args()[1:]); err != nil { // flags may follow the URL as well
		return err
	}
	c.Follow = *follow
	asJSON, err := isJSON()
	if *ca != "" {
		roots, failure := config.ReadCertPool(*ca)
		if c.Roots = roots; failure != nil {
			err = errors.Join(err, fmt.Errorf("--ca-file: %w", failure))
		}
	}
	if err != nil {
		return err
	}
	return diagnose(ctx, c, asJSON, stdout)
}

// diagnose writes the report. The error says how many problems there are.
func diagnose(ctx context.Context, c doctor.Config, asJSON bool, stdout io.Writer) error {
	r, err := doctor.Examine(ctx, c)
	if err != nil {
		return fmt.Errorf("oauthgw doctor: %w", err)
	}
	if asJSON {
		err = writeJSON(stdout, r)
	} else {
		_, err = io.WriteString(stdout, doctorText(r))
	}
	if n := r.Count(wellknown.Problem); err == nil && n > 0 {
		return fmt.Errorf("oauthgw doctor: %s", count(n, "problem"))
	}
	return err
}

// doctorText returns a line for each tested URL, a paragraph for each finding and their
// number.
func doctorText(r doctor.Report) string {
	var text strings.Builder
	for _, t := range r.Tested {
		fmt.Fprintf(&text, "tested: %s %s\n", t.Method, t.URL)
	}
	text.WriteByte('\n')
	for _, f := range r.Findings {
		fmt.Fprintf(&text, "%s: %s: %s\n  → %s\n\n", f.Severity, f.Subject, f.Problem, f.Fix)
	}
	fmt.Fprintf(&text, "%s, %s, %s\n", count(r.Count(wellknown.Problem), "problem"),
		count(r.Count(wellknown.Warning), "warning"), count(r.Count(wellknown.Note), "note"))
	return text.String()
}
