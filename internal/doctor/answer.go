package doctor

import (
	"fmt"
	"slices"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/printable"
)

// answer is what an endpoint said to the stranger.
type answer struct {
	reply
	method            clientauth.Method
	object            bool   // the body is a JSON object
	code, description string // RFC 6749 section 5.2
}

// String tells the answer in the server's words.
func (a answer) String() string {
	s := fmt.Sprintf("status %d", a.status)
	for _, words := range []string{a.code, a.description} {
		if words != "" {
			s += " " + printable.Quote(words)
		}
	}
	return s
}

// missesClient reports whether the answer complains that there is no client,
// as "Missing client_id parameter" does. A client that is not found is another
// matter: that one was read.
func (a answer) missesClient() bool {
	words := strings.NewReplacer("_", "", "-", "", " ", "").Replace(strings.ToLower(a.description))
	if !strings.Contains(words, "clientid") && !strings.Contains(words, "clientcredentials") {
		return false
	}
	return slices.ContainsFunc([]string{"missing", "required", "noclientid", "empty", "absent", "notprovided", "notpresent", "notspecified"},
		func(complaint string) bool { return strings.Contains(words, complaint) })
}
