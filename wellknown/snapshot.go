package wellknown

import (
	"errors"
	"time"

	"oauthgw/clientauth"
)

// Snapshot is the cached state of one location of the issuer's metadata.
type Snapshot struct {
	Location  string    // the path at which clients look
	Published Metadata  // the provider's document; empty: none is cached
	Served    Metadata  // the one that clients get
	Fetched   time.Time // when the provider last sent or confirmed it; zero: none is cached
	Expired   bool      // the document is too old to be served
	Err       error     // why the last fetch brought no document; nil: it did
	Failed    time.Time // when it did not
	Absent    bool      // the provider answered that there is no document
}

// Snapshots returns the cached state of the issuer's locations, in the order in which
// clients look there, and the problems of the first document as [Source.Lint] reports
// them. It fetches nothing. Issuer and paths are those of a [Config].
func (s *Source) Snapshots(issuer string, paths map[clientauth.Endpoint]string) (all []Snapshot, problems []string) {
	linted := false
	for _, location := range s.locations {
		snapshot := Snapshot{Location: location}
		if e, ok := s.issuerCache.documents.Peek(location); ok {
			snapshot.Published, snapshot.Served, snapshot.Fetched = e.document.published, s.augmented(e.document, issuer, paths), e.fetched
			snapshot.Expired = time.Since(e.fetched) >= e.lifetime+s.config.StaleFor
			if !linted {
				problems, linted = s.problems(e.document, paths), true
			}
		}
		if f, ok := s.issuerCache.failures.Peek(location); ok {
			snapshot.Err, snapshot.Failed, snapshot.Absent = f.err, f.at, errors.Is(f.err, errNoDocument)
		}
		all = append(all, snapshot)
	}
	return all, problems
}
