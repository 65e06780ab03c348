package main

import (
	"fmt"
	"strings"
)

// faults tells what must not come of an attempt at the gateway.
func (o outcome) faults() (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if o.honest != nil {
		fault("the next client was not served: %v", o.honest)
	}
	if o.early == 0 && !o.open {
		fault("the connection ended without an answer")
	}
	if o.hangs {
		fault("the connection stays open when the client has closed its side")
	}
	for _, a := range o.answers {
		if a.status == 0 {
			fault("an answer is not HTTP/1.1")
		}
		if a.status >= 300 && a.status < 400 {
			fault("a redirect")
		}
	}
	for _, stream := range o.streams {
		faults = append(faults, faultsOf(stream)...)
	}
	if whole, answered := o.whole(), o.answeredByProvider(); whole != answered {
		fault("%d requests reached the provider, and %d of its answers the client", whole, answered)
	}
	return faults
}

// faultsOf tells what is wrong with what reached the provider over a connection:
// what is not well-formed, or read otherwise by readers that are lenient.
func faultsOf(stream string) (faults []string) {
	read, err := strict(stream)
	if err != nil {
		return []string{"the provider saw what is not well-formed: " + err.Error()}
	}
	for _, l := range lenients {
		if otherwise, _ := l.requests(stream); lines(otherwise) != lines(read) {
			faults = append(faults, fmt.Sprintf("the provider saw %q, and one that is lenient %q", lines(read), lines(otherwise)))
		}
	}
	return faults
}

func lines(requests []request) string {
	var b strings.Builder
	for _, r := range requests {
		fmt.Fprintln(&b, r.line)
	}
	return b.String()
}

// whole counts the requests that the provider could answer.
func (o outcome) whole() (n int) {
	for _, r := range o.reached(tolerantly) {
		if r.whole {
			n++
		}
	}
	return n
}

func (o outcome) answeredByProvider() (n int) {
	for _, a := range o.answers {
		if a.providers {
			n++
		}
	}
	return n
}
