package wellknown

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// lifetime returns how long a document may be served without asking again: as
// long as its Cache-Control allows (RFC 9111 section 5.2.2), at most ttl. A
// provider that allows nothing is still asked once in a pause at most, or
// anyone could make the gateway ask it as often as they like.
func lifetime(h http.Header, ttl time.Duration) time.Duration {
	age, shared := time.Duration(-1), false
	for _, field := range h["Cache-Control"] {
		for directive := range strings.SplitSeq(field, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(name) {
			case "no-store", "no-cache", "private":
				age, shared = 0, true
			case "s-maxage":
				age, shared = seconds(value), true
			case "max-age":
				// Where both are there, a shared cache goes by the other.
				if !shared {
					age = seconds(value)
				}
			}
		}
	}
	if age < 0 {
		return ttl
	}
	// What a cache before the provider has used up is gone (section 4.2.3).
	return min(ttl, max(age-seconds(h.Get("Age")), pause))
}

// seconds reads a number of seconds. What cannot be read allows nothing (RFC
// 9111 section 4.2.1).
func seconds(value string) time.Duration {
	n, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}
