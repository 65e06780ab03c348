package wellknown

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// lifetime returns how long a response is fresh: as its Cache-Control says, at most ttl
// and, unless ttl is shorter, at least negativeTTL, which bounds the rate of fetches.
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
func MaxAge(h http.Header) (time.Duration, bool) {
	directives := map[string]string{}
	for directive := range strings.SplitSeq(strings.Join(h["Cache-Control"], ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		directives[strings.ToLower(name)] = value
	}
	for _, name := range []string{"no-store", "no-cache", "private", "s-maxage", "max-age"} {
		if value, ok := directives[name]; ok {
			return seconds(value), true
		}
	}
	return 0, false
}

// seconds parses a number of seconds. Any other text is 0 (RFC 9111 section 4.2.1).
func seconds(value string) time.Duration {
	n, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}
