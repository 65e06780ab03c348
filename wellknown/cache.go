package wellknown

import (
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// negativeTTL is how long a failed fetch is cached.
const negativeTTL = 2 * time.Second

// Results of a lookup.
const (
	resultHit         = "hit"
	resultMiss        = "miss"
	resultStale       = "stale"
	resultNotFound    = "not_found"
	resultUnavailable = "unavailable"
)

// cache holds the documents of some locations and the failures to fetch one, apart:
// requests for missing documents must not evict documents.
type cache struct {
	documents *lru.Cache[string, entry]
	failures  *lru.Cache[string, failure]
}

// entry is a cached document.
type entry struct {
	document *document
	fetched  time.Time
	lifetime time.Duration
}

// failure is a failed fetch.
type failure struct {
	err error
	at  time.Time
}

func newCache(size int) (cache, error) {
	documents, err := lru.New[string, entry](size)
	if err != nil {
		return cache{}, fmt.Errorf("metadata cache: %w", err)
	}
	failures, err := lru.New[string, failure](size)
	return cache{documents, failures}, err
}
