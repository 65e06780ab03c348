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

// runDoctor examines an authorization server as its clients see it. The error says how many
// problems there are.
func runDoctor(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	c, asJSON, err := parseDoctorFlags(args, stderr)
	if err != nil {
		return err
	}
	r, err := doctor.Examine(ctx, c)
	if err != nil {
		return fmt.Errorf("oauthgw doctor: %w", err)
	}
	if err := writeReport(stdout, r, asJSON); err != nil {
		return err
	}
	if n := r.Count(wellknown.Problem); n > 0 {
		return fmt.Errorf("oauthgw doctor: %s", count(n, "problem"))
	}
	return nil
}

// parseDoctorFlags returns what to examine, and whether to report as JSON.
func parseDoctorFlags(args []string, stderr io.Writer) (doctor.Config, bool, error) {
	flags := newFlags("doctor", stderr)
	format := newFormatFlag(flags)
	follow := flags.Bool("follow", false, "also test endpoints at other origins that the metadata names; without it nothing is sent there")
	ca := flags.String("ca-file", "", "the `file` of certificates, in PEM, to verify the server; empty: those of the system")
	if err := flags.Parse(args); err != nil {
		return doctor.Config{}, false, err
	}
	if flags.NArg() == 0 {
		return doctor.Config{}, false, errors.New("oauthgw doctor: the URL of an authorization server is required, such as https://login.example.com")
	}
	c := doctor.Config{URL: flags.Arg(0)}
	// Flags may follow the URL as well.
	if err := parse(flags, flags.Args()[1:]); err != nil {
		return doctor.Config{}, false, err
	}
	c.Follow = *follow
	asJSON, err := format.isJSON()
	if *ca == "" {
		return c, asJSON, err
	}
	roots, unusable := config.ReadCertPool(*ca)
	if unusable != nil {
		err = errors.Join(err, fmt.Errorf("--ca-file: %w", unusable))
	}
	c.Roots = roots
	return c, asJSON, err
}

// writeReport writes a line for each tested URL, a paragraph for each finding and their
// number, or the report as JSON.
func writeReport(w io.Writer, r doctor.Report, asJSON bool) error {
	if asJSON {
		return writeJSON(w, r)
	}
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
	_, err := io.WriteString(w, text.String())
	return err
}

// count returns a number with a noun.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
