package faultprovider

import (
	"slices"
	"strings"
)

// Trigger is when a misbehaviour happens.
type Trigger int

const (
	// OnConnect is when a connection has been accepted, before a request.
	OnConnect Trigger = iota
	// OnPost is when a POST has been read.
	OnPost
	// OnMetadata is when a request for a metadata document has been read.
	OnMetadata
)

// String returns what the moment is an occasion of.
func (m Trigger) String() string {
	return [...]string{"connection", "request", "request for a document"}[m]
}

// Fault is one way to misbehave.
type Fault struct {
	// Name is what shares and requests call it.
	Name string
	// Description says what it does, in the third person.
	Description string
	// Row is the row of the table of threats that it belongs to, or the name of
	// the reliability target.
	Row string
	// Trigger is when it happens.
	Trigger Trigger
	// do does it. What it does not close stays open for the next request, so that
	// the other end shows whether it would use it again.
	do func(*exchange)
}

// Faults returns all of them, in the order of their rows.
func Faults() []Fault {
	all := slices.Concat(rejections(), bodies(), delays(), endings(), statuses(), framings(), fields(), connections(), documents(), otherDocuments())
	slices.SortStableFunc(all, func(a, b Fault) int { return strings.Compare(a.Row, b.Row) })
	return all
}

func byName() map[string]Fault {
	known := map[string]Fault{}
	for _, m := range Faults() {
		known[m.Name] = m
	}
	return known
}
