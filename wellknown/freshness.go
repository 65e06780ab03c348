package wellknown

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// lifetime returns how long a response is fresh: as its Cache-Control says, at most ttl
// and, unless ttl is shorter, at least negativeTTL, so that clients cannot make the
// gateway send the provider more requests than that.
func lifetime(h http.Header, ttl time.Duration) time.Duration {
	age, ok := MaxAge(h)
	if !ok {
		return ttl
	}
	// Age is what caches on the way have used up (RFC 9111 section 4.2.3).
	return min(ttl, max(age-seconds(h.Get("Age")), negativeTTL))
}

// MaxAge returns how long a shared cache may use a response by its Cache-Control (RFC
// 9111 section 5.2.2), or false if that does not say.
func MaxAge(h http.Header) (age time.Duration, ok bool) {
	shared := false
	for _, field := range h["Cache-Control"] {
		for directive := range strings.SplitSeq(field, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(name) {
			case "no-store", "no-cache", "private":
				age, ok, shared = 0, true, true
			case "s-maxage":
				age, ok, shared = seconds(value), true, true
			case "max-age":
				if !shared { // s-maxage takes precedence
					age, ok = seconds(value), true
				}
			}
		}
	}
	return age, ok
}

// seconds parses a number of seconds. An invalid one counts as 0 (RFC 9111 section
// 4.2.1).
func seconds(value string) time.Duration {
	n, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}
