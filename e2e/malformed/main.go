// Malformed sends requests that no client should send to the gateway, to nginx and
// to haproxy, each in front of a provider that records what reaches it. It fails
// where the gateway lets through what is not one well-formed request for one
// answer, and tells in a table where the three differ.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"sync"
)

func main() {
	var o options
	flag.StringVar(&o.corpus, "corpus", "", "the requests of llhttp's tests, in JSON")
	flag.StringVar(&o.own, "own", "own.txt", "our own requests")
	flag.StringVar(&o.reasons, "reasons", "differences.txt", "why cases differ")
	flag.StringVar(&o.gateway, "gateway", "", "the oauthgw to run")
	flag.StringVar(&o.peers, "peers", "", "where fetch has unpacked nginx and haproxy")
	flag.StringVar(&o.into, "into", "", "the page that holds the table; empty: it is only printed")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type options struct{ corpus, own, reasons, gateway, peers, into string }

func run(o options) (err error) {
	cases, err := readCases(o.corpus, o.own)
	if err != nil {
		return err
	}
	why, err := readReasons(o.reasons)
	if err != nil {
		return err
	}
	directory, err := os.MkdirTemp("", "malformed-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	peers, err := startPeers(o, directory)
	defer func() { err = errors.Join(err, stopPeers(peers)) }()
	if err != nil {
		return err
	}
	outcomes := tryAll(peers, cases)
	table, differing := markdown(peers, cases, outcomes, why)
	fmt.Print(table)
	faults := append(judgeAll(cases, outcomes[0]), unexplained(why, differing)...)
	if o.into != "" {
		faults = append(faults, put(table, o.into))
	}
	return errors.Join(faults...)
}

// tryAll sends all cases to all peers, to each peer one after the other. It
// returns the outcomes by peer and case.
func tryAll(peers []*peer, cases []attempt) [][]outcome {
	outcomes := make([][]outcome, len(peers))
	var all sync.WaitGroup
	for i, p := range peers {
		outcomes[i] = make([]outcome, len(cases))
		all.Go(func() {
			for j, c := range cases {
				outcomes[i][j] = p.try(c, j)
			}
		})
	}
	all.Wait()
	return outcomes
}

// judgeAll tells what must not have happened at the gateway.
func judgeAll(cases []attempt, outcomes []outcome) (faults []error) {
	for i, c := range cases {
		for _, fault := range outcomes[i].faults() {
			faults = append(faults, fmt.Errorf("%s: %s\n  sent %q\n  got %q\n  the provider saw %q", c.name, fault, c.octets, outcomes[i].received, outcomes[i].streams))
		}
	}
	return faults
}
