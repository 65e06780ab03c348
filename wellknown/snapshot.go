package wellknown

import (
	"cmp"
	"errors"
	"time"

	"oauthgw/clientauth"
)

// Kept is what a source keeps of one location of the issuer's metadata.
type Kept struct {
	// Location is the path at which clients look.
	Location string
	// Published is the document as the provider wrote it, and Served as clients
	// are shown it. Both are empty where none is kept.
	Published, Served Metadata
	// Fetched is when the provider last brought the document, or said that it is
	// still the same. Zero means that none is kept.
	Fetched time.Time
	// Expired says that it is kept longer than clients are shown it.
	Expired bool
	// Fault says why the provider did not bring it when it was last asked, at
	// Failed. Nil means that it did, or was not asked.
	Fault  error
	Failed time.Time
	// Absent says that Fault is the provider's answer that there is none.
	Absent bool
}

// Kept returns what is kept of the issuer's metadata, in the order in which
// clients look for it, and what [Source.Truth] says of the first document. It
// asks nobody. Issuer and paths are those of a [Config].
func (s *Source) Kept(issuer string, paths map[clientauth.Endpoint]string) (kept []Kept, untrue []string) {
	judged := false
	for _, location := range s.locations {
		k := Kept{Location: location}
		if e, ok := s.own.documents.Peek(location); ok {
			k.Published, k.Served, k.Fetched = e.document.published, s.served(e.document, issuer, paths), e.fetched
			k.Expired = time.Since(e.fetched) >= e.lifetime+s.StaleFor
			if !judged {
				untrue, judged = s.judge(Metadata{e.document.Object}, paths), true
			}
		}
		if a, ok := s.own.missing.Peek(location); ok {
			k.Fault, k.Failed, k.Absent = a.err, a.at, errors.Is(a.err, errNoDocument)
		}
		kept = append(kept, k)
	}
	return kept, untrue
}

// served returns what clients are shown of a document: what the provider wrote
// and the gateway makes true. A document that names another issuer does not make
// that one's origin ours.
func (s *Source) served(d *document, issuer string, paths map[clientauth.Endpoint]string) Metadata {
	md := Metadata{d.Object}
	return md.Augment(s.front(md, cmp.Or(issuer, md.Issuer()), paths))
}
