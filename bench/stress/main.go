// Stress runs the gateway as a process between clients and a provider, does to it
// under load what operators and machines do to it, and counts what goes wrong.
// It prints a table with a row per experiment and exits with 1 if any failed.
//
// Everything is on the loopback, bounded in time and number, and ends with the
// program. An experiment is one file and one entry of the list; what it judges
// is counted, never timed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// experiment is something done to the gateway under load.
type experiment struct {
	name    string
	targets string // in threats and targets, such as R10; empty: none has a number
	does    string // in words, for the table
	// run does it, counts the requests and says what else it counted. The error
	// is what failed beside single requests.
	run func(context.Context, *site) (counted string, err error)
}

// experiments are all there are, in their order.
var experiments = []experiment{
	{"steady", "R1", "1000 requests in a second on a schedule, a second to the provider and a second to the gateway in turns", steady},
	{"reload", "R10, R11", "100 reloads in 60 s: by SIGHUP, by request, by content; broken files between them", reload},
	{"drain", "R12", "SIGTERM under 32 clients, ten times", drain},
	{"rotation", "R18", "20 new certificates under new, kept and resumed connections", rotate},
	{"log", "R20", "the reader of the log stops, goes on, and dies", clog},
	{"posts", "", "24000 small POSTs, by 12 clients that keep their connections, to pages that begin to answer before or after they read the request", posts},
	{"once", "R3", "single-use codes while the provider is killed 50 times, all connections to it are reset 50 times and closed 50 times, clients leave, clients send Idempotency-Key, and another gateway takes over", once},
	{"outage", "R4, R7", "the provider stops and starts again, twelve times, among twice as many wrong secrets as codes", outage},
	{"stall", "R6", "the provider takes 600 requests at once and never answers, or not to the end", stall},
	{"slow", "R5", "1536 clients of a provider that takes two seconds, of which 512 are let through at once", slow},
	{"overload", "R22", "ten times as many clients as before, for a while; the provider takes two seconds", overload},
	{"slow-clients", "R14, R23", "1450 connections that send a header slowly and 1450 that send a body slowly: as many as are taken", attack{kinds: slowly, each: 1450, lasts: 30 * time.Second}.run},
	{"slow-crowd", "R14, R23", "10000 connections that send a header slowly and 10000 that send a body slowly: more than six times as many as are taken", attack{kinds: slowly, each: 10_000, lasts: 40 * time.Second, crowded: true}.run},
	{"large-clients", "R15", "1000 connections with headers of a megabyte and 1000 with bodies without end", attack{kinds: large, each: 1000, lasts: 15 * time.Second}.run},
	{"many-fields", "R23", "725 connections of each of four kinds: headers of 4399 fields and a body that never comes, headers of as many fields and no end, trailers of 1010 fields, and 4000 trailer fields that are announced and never come", attack{kinds: many, each: 725, lasts: 20 * time.Second}.run},
	{"fat", "R23", "580 connections of each of five kinds with headers of 16 KiB in few fields: a body that never comes, no end, 60 KB of a body, 4 KB of a form, a page that never comes: as many as are taken", attack{kinds: fatly, each: 580, lasts: 20 * time.Second}.run},
	{"deaf-clients", "R16", "1000 connections that never read the documents they ask for, and 1000 that never read a page", attack{kinds: deaf, each: 1000, lasts: 60 * time.Second}.run},
	{"together", "R23", "240 connections of each of these ten kinds, 240 with a header of 16 KiB and a body that never comes, 240 with 60 KB of one, and a provider that takes two seconds", attack{kinds: slices.Concat(slowly, large, many, fatly[:1], fatly[2:3], deaf), each: 240, lasts: 40 * time.Second, provider: 2 * time.Second}.run},
	{"descriptors", "R17", "1000 idle connections to a gateway that may have 256 descriptors", scarce},
	{"kill", "R13", "SIGKILL under load and a start at the same address, 50 times", kill},
	{"full", "R20", "the log is written to a full device", full},
	{"mixed", "R2", "honest and hostile clients of all kinds for as long as -lasting says", mixed},
}

func main() {
	var err error
	if role, ok := roles[strings.Join(os.Args[1:min(2, len(os.Args))], "")]; ok {
		err = role(os.Args[2:])
	} else {
		err = run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "stress:", err)
		os.Exit(1)
	}
}

func run() error {
	binary := flag.String("gateway", "bin/oauthgw", "the gateway's `binary`")
	only := flag.String("only", "", "run the experiment of this `name` alone")
	scale := flag.Float64("scale", 1, "the `part` of the full number and time, at most 1")
	lasting := flag.Duration("lasting", 10*time.Minute, "how long `mixed` takes at full scale")
	manifest := flag.String("manifest", "deploy/kubernetes/base/deployment.yaml", "take the gateway's memory limits from this Kubernetes `manifest`")
	into := flag.String("into", "", "put the table into this Markdown `file`, between its marks")
	flag.Parse()
	if *scale <= 0 || *scale > 1 || flag.NArg() > 0 {
		return fmt.Errorf("-scale is above 0 and at most 1, and there are no arguments")
	}
	shipped, err := readLimits(*manifest)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var rows []row
	for _, e := range experiments {
		if (*only == "" || *only == e.name) && ctx.Err() == nil {
			rows = append(rows, perform(ctx, e, *binary, shipped, *scale, *lasting))
		}
	}
	if len(rows) == 0 {
		return fmt.Errorf("there is no experiment %q", *only)
	}
	return report(rows, *scale, *into)
}

// perform runs one experiment on a site of its own.
func perform(ctx context.Context, e experiment, binary string, shipped limits, scale float64, lasting time.Duration) row {
	fmt.Fprintf(os.Stderr, "%s: %s\n", e.name, e.does)
	// Far beyond what any takes, for one that hangs.
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute+lasting)
	defer cancel()
	start := time.Now()
	s, err := newSite(binary, scale)
	if err != nil {
		return row{experiment: e, faults: []string{err.Error()}}
	}
	s.lasting, s.limits = lasting, shipped
	counted, err := e.run(ctx, s)
	s.close()
	r := row{experiment: e, requests: s.tally.requests.Load(), failures: s.tally.failures.Load(), counted: counted, took: time.Since(start)}
	r.faults = append(s.tally.reasons, s.provider.faults()...)
	if err != nil {
		r.faults = append(r.faults, err.Error())
	}
	for _, fault := range r.faults {
		fmt.Fprintf(os.Stderr, "  %s\n", fault)
	}
	return r
}
