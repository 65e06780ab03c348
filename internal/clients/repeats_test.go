package clients_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"slices"
	"strings"
	"testing"

	"oauthgw/clientauth"
	"oauthgw/internal/clients"
)

// simpleRepeats is [clients.Client.Repeats] without anything that is prepared or skipped.
func simpleRepeats(secret, text string) bool {
	if secret == "" {
		return false
	}
	wanted := []string{secret, secret[:min(15, len(secret))] + "..."}
	for _, s := range []string{secret, url.QueryEscape(secret)} {
		for before := range 3 {
			encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00", before) + s))
			encoded = encoded[(before*8+5)/6 : (before+len(s))*8/6]
			wanted = append(wanted, encoded, strings.NewReplacer("+", "-", "/", "_").Replace(encoded))
		}
	}
	holds := func(reading string) bool {
		return slices.ContainsFunc(wanted, func(w string) bool { return strings.Contains(reading, w) })
	}
	for _, plain := range []string{text, simpleUnescape(text, '\\', clients.FromBackslash), html.UnescapeString(text), strings.ReplaceAll(text, "\x00", "")} {
		for _, reading := range []string{plain, strings.ReplaceAll(plain, "+", " ")} {
			once := simpleUnescape(reading, '%', clients.FromPercent)
			if holds(plain) || holds(once) || holds(simpleUnescape(once, '%', clients.FromPercent)) {
				return true
			}
		}
	}
	return false
}

func simpleUnescape(text string, mark byte, decode func(string) (string, int)) string {
	var out []byte
	for i := 0; i < len(text); i++ {
		if text[i] == mark {
			if decoded, length := decode(text[i+1:]); length > 0 {
				out, i = append(out, decoded...), i+length
				continue
			}
		}
		out = append(out, text[i])
	}
	return string(out)
}

// shown are ways in which a response may show a secret.
var shown = map[string]func(string) string{
	"plain":             func(s string) string { return s },
	"form":              url.QueryEscape,
	"path":              url.PathEscape,
	"path twice":        func(s string) string { return url.PathEscape(url.PathEscape(s)) },
	"percent":           func(s string) string { return each(s, "%%%02x") },
	"percent twice":     func(s string) string { return each(s, "%%25%02X") },
	"ASP.NET":           func(s string) string { return each(s, "%%u%04x") },
	"JSON":              func(s string) string { return each(s, `\u%04x`) },
	"JavaScript":        func(s string) string { return each(s, `\x%02x`) },
	"HTML":              func(s string) string { return each(s, "&#%d;") },
	"HTML names":        html.EscapeString,
	"HTML form":         func(s string) string { return html.EscapeString(url.QueryEscape(s)) },
	"PHP":               func(s string) string { return s[:15] + "..." },
	"UTF-16":            func(s string) string { return each(s, "%c\x00") },
	"base64":            func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"base64url":         func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"Basic":             func(s string) string { return base64.StdEncoding.EncodeToString([]byte("agents:" + s)) },
	"Basic, form":       func(s string) string { return base64.StdEncoding.EncodeToString([]byte("agent:" + url.QueryEscape(s))) },
	"base64url, behind": func(s string) string { return base64.URLEncoding.EncodeToString([]byte("ab:" + s + "?x")) },
	"base64, form":      func(s string) string { return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte("a:" + s))) },
}

func each(s, format string) string {
	var out strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&out, format, s[i])
	}
	return out.String()
}

var secrets = []string{"lent-s3cret-0123456789", "it's-a/s3cret+0123456789", "?>~?>~ ?>~?>~ ~~~&<%41", `"back\slash" 0123456789`}

// lender returns a client of a table with a secret. It is not the only one.
func lender(secret string) clients.Client {
	other := clients.Client{ID: "other", Secret: clientauth.NewSecret("other-s3cret-9876543210"), Config: public}
	return clients.New("", []clients.Client{other, {ID: "agents", Secret: clientauth.NewSecret(secret), Config: public}}).All()[1]
}

func TestH05EverySpellingIsFound(t *testing.T) {
	for _, secret := range secrets {
		c := lender(secret)
		for name, show := range shown {
			if !c.Repeats(`{"error":"`+show(secret)+`"}`) || !c.Repeats(show(secret)) {
				t.Errorf("%s as %s is not found", secret, name)
			}
			if text := `{"error":"` + show(strings.Repeat("x", 7)+secret[:14]+"yyyyyyyy") + `"}`; c.Repeats(text) {
				t.Errorf("%s is found in %s", secret, text)
			}
		}
	}
}

func FuzzRepeats(f *testing.F) {
	for _, secret := range secrets {
		for _, show := range shown {
			f.Add(secret, `{"a":"`+show(secret)+`+%25\u0041&amp;"}`)
		}
	}
	f.Add("a", "")
	f.Add("", "a")
	f.Add("a b", "a+b")
	f.Add("+", "%252B")
	f.Fuzz(func(t *testing.T, secret, text string) {
		want := simpleRepeats(secret, text)
		if got, alone := lender(secret).Repeats(text), (clients.Client{Secret: clientauth.NewSecret(secret)}).Repeats(text); got != want || alone != want {
			t.Fatalf("%q in %q: got %v and %v, want %v", secret, text, got, alone, want)
		}
	})
}

// TestH05SpellingsAreNotPrinted checks what a client of a table prints about its secret.
func TestH05SpellingsAreNotPrinted(t *testing.T) {
	for _, secret := range secrets {
		c := lender(secret)
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, printed := range []string{string(text), fmt.Sprintf("%v %+v %#v", c, c, c), fmt.Sprintf("%v %+v %#v", &c, []clients.Client{c}, clients.New("", []clients.Client{c}))} {
			if c.Repeats(printed) || strings.Contains(printed, secret[:8]) {
				t.Errorf("%s is in %s", secret, printed)
			}
		}
	}
}

// BenchmarkRepeats searches responses as a provider sends them to every login: plain, and in
// each kind of escapes.
func BenchmarkRepeats(b *testing.B) {
	c := lender(secrets[0])
	token := strings.Repeat("aBcDe0123fgh", 58)
	for name, text := range map[string]string{
		"plain": `{"access_token":"` + token + `","token_type":"Bearer"}`,
		"JSON":  `{"access_token":"` + token + `","scope":"https:\/\/as.example"}`,
		"form":  `{"access_token":"` + token + `+/%2B"}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if c.Repeats(text) {
					b.Fatal("it is found")
				}
			}
		})
	}
}
