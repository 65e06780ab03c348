package wellknown

import (
	"cmp"
	"errors"
	"time"

	"oauthgw/clientauth"
)

// Snapshot is the cached state of one location of the issuer's metadata.
type Snapshot struct {
	// Location is the path at which clients look.
	Location string
	// Published is the provider's document and Served the one that clients get. Both
	// are empty where none is cached.
	Published, Served Metadata
	// Fetched is when the provider last sent or confirmed the document. Zero: none is
	// cached.
	Fetched time.Time
	// Expired means that the document is too old to be served.
	Expired bool
	// Err is why the last fetch, at Failed, brought no document. Nil: it did.
	Err    error
	Failed time.Time
	// Absent means that the provider answered that there is no document.
	Absent bool
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
				problems, linted = s.problems(Metadata{e.document.Object}, paths), true
			}
		}
		if f, ok := s.issuerCache.negativeCache.Peek(location); ok {
			snapshot.Err, snapshot.Failed, snapshot.Absent = f.err, f.at, errors.Is(f.err, errNoDocument)
		}
		all = append(all, snapshot)
	}
	return all, problems
}

// augmented returns the metadata that clients get for a document. A document that
// names another issuer does not make that issuer's origin the gateway's.
func (s *Source) augmented(d *document, issuer string, paths map[clientauth.Endpoint]string) Metadata {
	md := Metadata{d.Object}
	return md.Augment(s.overrides(md, cmp.Or(issuer, md.Issuer()), paths))
}
