// Stress runs the gateway as a process between clients and a provider, disturbs
// it under load, and counts what fails. It prints a table with one row per part
// and exits with 1 if a part failed.
//
// Everything runs on the loopback interface, is bounded in time and number, and
// ends with the program. A part is one file and one entry of the list. Counts
// make a part fail, times never do.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// part is one experiment with the gateway.
type part struct {
	name        string
	targets     string // rows of docs/development/reliability.md, such as R10
	description string
	// run returns what it counted, in words. The error is what failed besides
	// single requests.
	run func(context.Context, *env) (result string, err error)
}

var parts = []part{
	{"steady", "R1", "1000 requests per second on a schedule, for 30 s", steady},
	{"reload", "R10, R11", "100 reloads in 40 s, by SIGHUP, by POST and by file change, with broken files between them; among the requests are POSTs to a page that responds before it reads", reload},
	{"drain", "R12", "SIGTERM under 32 clients that stop when readiness is 503, ten times", drain},
	{"rotation", "R18", "20 new certificates under new, kept and resumed connections", rotation},
	{"once", "R3", "100000 single-use codes while the provider stops 100 times and closes or resets its connections, clients leave, clients send Idempotency-Key, and another gateway takes over", once},
	{"outage", "R4, R7", "the provider stops and starts again nine times, under twice as many wrong secrets as codes", outage},
	{"stall", "R6", "the provider takes 600 requests at once and never responds, or not completely", stall},
	{"overload", "R5, R22", "250 clients of a provider that takes two seconds, then ten times as many, then 250", overload},
	{"slowclients", "R14, R23", "1450 connections that send a header slowly and 1450 that send a body slowly: the default max_connections", attack{behaviors: slow, each: 1450, duration: 25 * time.Second}.run},
	{"manyclients", "R14, R23", "9000 connections that send a header slowly and 9000 that send a body slowly: six times max_connections", attack{behaviors: slow, each: 9000, duration: 30 * time.Second, full: true}.run},
	{"large", "R15, R23", "1000 connections with headers of a megabyte and 1000 with endless bodies", attack{behaviors: large, each: 1000, duration: 12 * time.Second}.run},
	{"fields", "R23", "725 connections each with 4399 header fields and no body, with an endless header, with 1010 trailer fields, and with 4000 announced trailer fields", attack{behaviors: fields, each: 725, duration: 15 * time.Second}.run},
	{"fullheaders", "R23", "580 connections each with a header of 16 KiB and no body, no end, 60 KB of a body, 4 KB of a form, and a page that never comes", attack{behaviors: fullHeaders, each: 580, duration: 20 * time.Second}.run},
	{"unread", "R16, R23", "1000 connections that never read metadata and 1000 that never read a page", attack{behaviors: unread, each: 1000, duration: 45 * time.Second}.run},
	{"together", "R23", "240 connections of each of twelve kinds above, and a provider that takes two seconds", attack{behaviors: slices.Concat(slow, large, fields, fullHeaders[:1], fullHeaders[2:3], unread), each: 240, duration: 30 * time.Second, provider: 2 * time.Second}.run},
	{"fdlimit", "R17", "1000 idle connections to a gateway that may open 256 files", attack{behaviors: []string{"idle"}, each: 1000, duration: 20 * time.Second, full: true, maxFiles: 256}.run},
	{"kill", "R13, R20", "SIGKILL under load and a start at the same address, 50 times, with a log on a full device", kill},
	{"mixed", "R2", "well-behaved clients and hostile ones of all kinds for as long as -duration says", mixed},
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "stress:", err)
		os.Exit(1)
	}
}

func run() error {
	binary := flag.String("gateway", "bin/oauthgw", "the gateway's `binary`")
	only := flag.String("only", "", "run only the part of this `name`")
	scale := flag.Float64("scale", 1, "`factor` above 0 and at most 1 for numbers and times")
	duration := flag.Duration("duration", 4*time.Minute, "how long mixed takes at scale 1")
	output := flag.String("output", "", "put the table between the markers of this Markdown `file`")
	flag.Parse()
	if *scale <= 0 || *scale > 1 || flag.NArg() > 0 {
		return fmt.Errorf("-scale must be above 0 and at most 1, and there must be no arguments")
	}
	limits, err := readLimits("deploy/kubernetes/oauthgw.yaml")
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var rows []row
	for _, p := range parts {
		if (*only == "" || *only == p.name) && ctx.Err() == nil {
			rows = append(rows, runPart(ctx, p, *binary, limits, *scale, *duration))
		}
	}
	if len(rows) == 0 {
		return fmt.Errorf("there is no part %q", *only)
	}
	return report(rows, *scale, *output)
}

// runPart runs one part in an environment of its own.
func runPart(ctx context.Context, p part, binary string, limits limits, scale float64, duration time.Duration) row {
	fmt.Fprintf(os.Stderr, "%s: %s\n", p.name, p.description)
	start := time.Now()
	e, err := newEnv(binary, scale)
	if err != nil {
		return row{part: p, errors: []string{err.Error()}}
	}
	e.duration, e.limits = duration, limits
	result, err := p.run(ctx, e)
	e.close()
	r := row{part: p, requests: e.requests, failures: e.failures, result: result, duration: time.Since(start)}
	r.errors = append(e.firstFailures, e.provider.errors()...)
	if err != nil {
		r.errors = append(r.errors, err.Error())
	}
	for _, text := range r.errors {
		fmt.Fprintf(os.Stderr, "  %s\n", text)
	}
	return r
}
