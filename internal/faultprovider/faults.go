package faultprovider

import (
	"slices"
	"strings"
)

// Trigger is when a fault happens.
type Trigger int

const (
	// OnConnect is before the first request of a connection.
	OnConnect Trigger = iota
	// OnPost is at a POST.
	OnPost
	// OnMetadata is at a request for metadata.
	OnMetadata
)

// String returns what the trigger is.
func (t Trigger) String() string {
	return [...]string{"connection", "request", "metadata request"}[t]
}

// Fault is one way to misbehave.
type Fault struct {
	// Name is the name in rates and requests.
	Name string
	// Description says what the provider does.
	Description string
	// Row is the row of the threat table, or the reliability target, that it belongs to.
	Row string
	// Trigger is when it happens.
	Trigger Trigger
	// run leaves the connection open for the next request unless it closes it, so that a
	// gateway shows whether it uses the connection again.
	run func(*connection)
}

// Faults returns all faults in the order of their rows.
func Faults() []Fault {
	all := slices.Concat(rejections(), statuses(), headers(), bodies(), truncations(), framings(), connections(), documents(), noDocuments())
	slices.SortStableFunc(all, func(a, b Fault) int { return strings.Compare(a.Row, b.Row) })
	return all
}

func byName() map[string]Fault {
	faults := map[string]Fault{}
	for _, f := range Faults() {
		faults[f.Name] = f
	}
	return faults
}
