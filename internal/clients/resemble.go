package clients

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// resembles reports whether a client_id that is none of some names could be one for a provider
// that decodes it twice, or compares IDs as text, numbers or UUIDs. It takes linear time.
func resembles(id string, names map[string]*Use) bool {
	id = strings.ToLower(strings.Trim(unescape(id, '%', fromPercent), " \t\r\n\f\v{}"))
	for name := range names {
		if couldBe(id, strings.ToLower(name)) {
			return true
		}
	}
	return false
}

var (
	number = regexp.MustCompile(`^[+-]?[0-9]*(?:\.[0-9]*)?(?:e[+-]?[0-9]{1,3})?`)
	uuid   = regexp.MustCompile(`^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$`)
)

// couldBe reports whether a database could find an ID equal to a name, both in lower case. MySQL
// reads a text as the number at its beginning. PostgreSQL reads a UUID without hyphens, and SQL
// Server with text behind it.
func couldBe(id, name string) bool {
	plain := func(id string) string { return strings.ReplaceAll(id, "-", "") }
	switch {
	case strings.Trim(name, "0123456789") == "":
		n, err := strconv.ParseFloat(number.FindString(id), 64)
		wanted, _ := strconv.ParseFloat(name, 64) // digits
		return err == nil && n == wanted
	case len(name) >= 32 && uuid.MatchString(name):
		return strings.HasPrefix(plain(id), plain(name))
	}
	return id == name || foldsTo(id, name)
}

// foldsTo reports whether a database could fold an ID to a name: each character that is not ASCII
// becomes none to three that are. A client_id has ASCII only (RFC 6749 section A.1).
func foldsTo(id, name string) bool {
	begin, end := strings.IndexFunc(id, isForeign), strings.LastIndexFunc(id, isForeign)
	if begin < 0 || !strings.HasPrefix(name, id[:begin]) {
		return false
	}
	_, size := utf8.DecodeRuneInString(id[end:])
	rest, found := strings.CutSuffix(name[begin:], id[end+size:])
	missing := 0 // how many characters of the name the foreign ones stand for
	for _, part := range strings.FieldsFunc(id[begin:end], isForeign) {
		before, after, ok := strings.Cut(rest, part)
		missing, rest, found = missing+len(before), after, found && ok
	}
	for _, c := range id {
		if isForeign(c) {
			missing -= 3
		}
	}
	return found && missing+len(rest) <= 0
}

func isForeign(c rune) bool { return c >= utf8.RuneSelf }
