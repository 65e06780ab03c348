package doctor

import (
	"slices"
	"strconv"
	"strings"

	"oauthgw/internal/printable"
)

// Severity tells how much a finding matters. There are three.
type Severity int

// The severities, the most severe first.
const (
	// Problem makes clients fail, or gives their secrets away.
	Problem Severity = iota
	// Warning makes some clients fail, or fails at another time.
	Warning
	// Note is worth knowing.
	Note
)

// String returns the severity in a word.
func (s Severity) String() string {
	switch s {
	case Problem:
		return "problem"
	case Warning:
		return "warning"
	}
	return "note"
}

// MarshalText returns the severity in a word, which encoding/json writes.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is one thing that trips clients.
type Finding struct {
	Severity Severity `json:"severity"`
	// Subject is what the finding is about, such as the token endpoint.
	Subject string `json:"subject"`
	// What says in sentences what is so, and what clients make of it.
	What string `json:"what"`
	// Do says what to do about it.
	Do string `json:"do"`
}

// judgements are what is looked for, each a function from everything that was
// seen. The order is that of findings of the same severity.
var judgements = []func(observation) []Finding{
	judgeConnection,
	judgeEndpoints,
	judgeIssuers,
	judgeLocations,
	judgeDocuments,
	judgeDifferences,
	judgeResource,
	judgeCaching,
	judgeOtherOrigins,
}

// judge returns what there is to say, the most severe first and nothing twice.
// Of a server that cannot be reached there is nothing else to say.
func judge(o observation) []Finding {
	found := []Finding{}
	for _, about := range judgements {
		for _, f := range about(o) {
			if !slices.Contains(found, f) {
				found = append(found, f)
			}
		}
		if !o.reached() {
			break
		}
	}
	slices.SortStableFunc(found, func(a, b Finding) int { return int(a.Severity) - int(b.Severity) })
	return found
}

// quoteAll quotes some words of a server, and tells how many more there are.
func quoteAll(words []string) string {
	const most = 5
	var quoted []string
	for _, w := range words[:min(len(words), most)] {
		quoted = append(quoted, printable.Quote(w))
	}
	if more := len(words) - most; more > 0 {
		return strings.Join(quoted, ", ") + " and " + strconv.Itoa(more) + " more"
	}
	return strings.Join(quoted, ", ")
}
