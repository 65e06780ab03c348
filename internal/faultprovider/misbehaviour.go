package faultprovider

import (
	"slices"
	"strings"
)

// Moment is when a misbehaviour happens.
type Moment int

const (
	// Accepted is when a connection has been accepted, before a request.
	Accepted Moment = iota
	// Asked is when a POST has been read.
	Asked
	// AskedForDocument is when a request for a metadata document has been read.
	AskedForDocument
)

// String returns what the moment is an occasion of.
func (m Moment) String() string {
	return [...]string{"connection", "request", "request for a document"}[m]
}

// Misbehaviour is one way to misbehave.
type Misbehaviour struct {
	// Name is what shares and requests call it.
	Name string
	// Sentence says what it does, in the third person.
	Sentence string
	// Row is the row of the table of threats that it belongs to, or the name of
	// the reliability target.
	Row string
	// Moment is when it happens.
	Moment Moment
	// do does it. What it does not close stays open for the next request, so that
	// the other end shows whether it would use it again.
	do func(*exchange)
}

// Misbehaviours returns all of them, in the order of their rows.
func Misbehaviours() []Misbehaviour {
	all := slices.Concat(rejections(), bodies(), delays(), endings(), statuses(), framings(), fields(), connections(), documents(), otherDocuments())
	slices.SortStableFunc(all, func(a, b Misbehaviour) int { return strings.Compare(a.Row, b.Row) })
	return all
}

func byName() map[string]Misbehaviour {
	known := map[string]Misbehaviour{}
	for _, m := range Misbehaviours() {
		known[m.Name] = m
	}
	return known
}
