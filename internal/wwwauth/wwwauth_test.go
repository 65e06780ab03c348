package wwwauth_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"oauthgw/internal/wwwauth"
)

// described writes challenges in one line.
func described(challenges []wwwauth.Challenge) string {
	var b strings.Builder
	for _, c := range challenges {
		b.WriteString("<" + c.Scheme)
		for _, p := range c.Parameters {
			fmt.Fprintf(&b, " %s=%q", p.Name, p.Value)
		}
		b.WriteString(">")
	}
	return b.String()
}

func TestParse(t *testing.T) {
	for _, test := range []struct {
		field, want string
		ok          bool
	}{
		{"", "", true},
		{" , ,", "", true},
		{"Basic", "<Basic>", true},
		{`Basic realm="a"`, `<Basic realm="a">`, true},
		{"Basic\trealm = a ,charset=\"UTF-8\"", `<Basic realm="a" charset="UTF-8">`, true},
		{`Bearer, ,Basic realm=a,,DPoP algs="ES256 PS256"`, `<Bearer><Basic realm="a"><DPoP algs="ES256 PS256">`, true},
		{`Negotiate YWJj==, Basic realm=""`, `<Negotiate><Basic realm="">`, true},
		{`Negotiate a+/b, Basic`, `<Negotiate><Basic>`, true},
		{`Bearer realm="a, Basic realm=\"b\\", x="\""`, `<Bearer realm="a, Basic realm=\"b\\" x="\"">`, true},
		{`Bearer a = "b" , Basic = c, Digest d="e"`, `<Bearer a="b" Basic="c"><Digest d="e">`, true},
		{`Bearer resource_metadata=https://a.example/b?c=d, x=y`, `<Bearer resource_metadata="https://a.example/b?c=d" x="y">`, true},
		{`Bearer a="b" c="d"`, `<Bearer a="b" c="d">`, true},
		// Malformed ones.
		{`realm="a"`, "", false},
		{`"Basic"`, "", false},
		{`Basic realm="a`, "<Basic>", false},
		{`Basic realm="a\`, "<Basic>", false},
		{`Basic realm="a"b`, "<Basic>", false},
		{`Basic realm=a"b`, `<Basic>`, false},
		{`Basic realm = , a=b`, `<Basic>`, false},
		{`Bearer a="b" Basic`, `<Bearer a="b">`, false},
		{`Bearer a="b"; c="d"`, "<Bearer>", false},
		{"Bearer:", "", false},
	} {
		challenges, ok := wwwauth.Parse(test.field)
		if got := described(challenges); got != test.want || ok != test.ok {
			t.Errorf("%s: got %s, %v; want %s, %v", test.field, got, ok, test.want, test.ok)
		}
	}
}

func TestOffers(t *testing.T) {
	for field, want := range map[string]bool{
		"basic realm=x": true, `Bearer x="y", BASIC`: true, `Basic realm="x`: true,
		`Bearer x="Basic, Basic y"`: false, "Bearer a=b, Basic = x": false, "Basics": false, "Negotiate Basic": false,
	} {
		if got := wwwauth.Offers([]string{"Digest", field}, "Basic"); got != want {
			t.Errorf("%s: got %v", field, got)
		}
	}
}

func TestReplace(t *testing.T) {
	for field, want := range map[string]string{
		`Bearer X="a"`: `Bearer X="[a]"`,
		`Bearer x="a", y="x=a", DPoP x = a , X="b"`: `Bearer x="[a]", y="x=a", DPoP x = "[a]" , X="[b]"`,
		`Bearer x="\a\"b"`:                          `Bearer x="[a\"b]"`,
		`Bearer y="\a", xx="a"`:                     `Bearer y="\a", xx="a"`,
		`Bearer x="\k\e\p\t"`:                       `Bearer x="\k\e\p\t"`,
		`Bearer x="a", y="b`:                        `Bearer x="a", y="b`,
		`Bearer y="\" x=\"a", z="x=\"a\""`:          `Bearer y="\" x=\"a", z="x=\"a\""`,
	} {
		got := wwwauth.Replace(field, "x", func(v string) string {
			if v == "kept" {
				return v
			}
			return "[" + v + "]"
		})
		if got != want {
			t.Errorf("%s: got %s, want %s", field, got, want)
		}
	}
}

// FuzzReplace checks that Replace changes only values, and nothing in a malformed field.
func FuzzReplace(f *testing.F) {
	for _, seed := range []string{`Bearer x="a", Basic realm="b"`, `Negotiate YQ==, Bearer x = a`, `Bearer x="\"`, `Bearer y="x=\"a\"" x=b`, "Digest ,x=y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		const value = `https://a.example/"\`
		want, ok := wwwauth.Parse(field)
		replaced := wwwauth.Replace(field, "x", func(string) string { return value })
		got, _ := wwwauth.Parse(replaced)
		for _, c := range want {
			for i := range c.Parameters {
				if p := &c.Parameters[i]; ok && strings.EqualFold(p.Name, "x") {
					p.Value = value
				}
			}
		}
		if same := wwwauth.Replace(field, "x", func(v string) string { return v }); same != field || !ok && replaced != field || described(got) != described(want) {
			t.Fatalf("%q became %q, with the same values %q", field, replaced, same)
		}
	})
}

func TestH09Add(t *testing.T) {
	for before, want := range map[string]string{
		"":              "",
		"Basic":         "Basic",
		"Bearer":        `Bearer x="a\"b"`,
		" bearer ,":     ` bearer x="a\"b" ,`,
		"Bearer, Basic": `Bearer x="a\"b", Basic`,
		`Bearer realm="a, Bearer b", y="\", Bearer"`:  `Bearer realm="a, Bearer b", y="\", Bearer", x="a\"b"`,
		`Bearer y=https://a/b?c=d`:                    `Bearer y=https://a/b?c=d, x="a\"b"`,
		`Bearer y="b" z="c" , Basic`:                  `Bearer y="b" z="c", x="a\"b" , Basic`,
		`Bearer, y=b`:                                 `Bearer, y=b, x="a\"b"`,
		`Negotiate YWJj==,BEARER  y = b ,Basic y="c"`: `Negotiate YWJj==,BEARER  y = b, x="a\"b" ,Basic y="c"`,
		`Basic realm="Bearer"`:                        `Basic realm="Bearer"`,
		// The first one that can have it.
		`Bearer y=b, Bearer`:           `Bearer y=b, x="a\"b", Bearer`,
		`Bearer YWJj=, Bearer`:         `Bearer YWJj=, Bearer x="a\"b"`,
		"Basic\nBearer\nBearer":        "Basic\nBearer x=\"a\\\"b\"\nBearer",
		"Bearer realm=\"a\nBearer y=b": "Bearer realm=\"a\nBearer y=b, x=\"a\\\"b\"",
		// One that there is stays the only one.
		`Bearer X=b`:        `Bearer X=b`,
		`Bearer, DPoP x=""`: `Bearer, DPoP x=""`,
		"Bearer\nDPoP x=b":  "Bearer\nDPoP x=b",
		`Bearer x=b, y="`:   `Bearer x=b, y="`,
		// Neither a token68 nor a malformed field changes.
		"Bearer YWJj=":   "Bearer YWJj=",
		"Bearer y=b; z":  "Bearer y=b; z",
		`Bearer y="`:     `Bearer y="`,
		"Bearer Basic z": "Bearer Basic z",
	} {
		fields := strings.Split(before, "\n")
		wwwauth.Add(fields, "Bearer", "x", `a"b`)
		if got := strings.Join(fields, "\n"); got != want {
			t.Errorf("%s\nbecame %s\nwant   %s", before, got, want)
		}
	}
}

// token68 matches a Bearer challenge that may have a token68.
var token68 = regexp.MustCompile(`(?i)Bearer[ \t]+[0-9a-z._~+/-]+=*[ \t]*(?:,|$)`)

// FuzzAdd checks that Add inserts a parameter into one challenge of the scheme, once, and changes
// nothing else.
func FuzzAdd(f *testing.F) {
	for _, seed := range []string{`Bearer x="a", Basic realm="b"`, `Negotiate YQ==, Bearer y = a`, `Bearer y="\", Bearer`, "Bearer", "Bearer YQ, Bearer", "bearer ,y=x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		const value = `https://a.example/"\`
		before, ok := wwwauth.Parse(field)
		fields := []string{field}
		wwwauth.Add(fields, "Bearer", "x", value)
		added := fields[0]
		after, stillOK := wwwauth.Parse(added)
		has := strings.Contains(described(before), ` x="`) || strings.Contains(described(before), ` X="`)
		var allowed []string
		for i, c := range before {
			if ok && !has && strings.EqualFold(c.Scheme, "Bearer") {
				with := slices.Clone(before)
				with[i].Parameters = append(slices.Clone(c.Parameters), wwwauth.Parameter{Name: "x", Value: value})
				allowed = append(allowed, described(with))
			}
		}
		if added == field && len(allowed) > 0 && !token68.MatchString(field) ||
			added != field && (!stillOK || !slices.Contains(allowed, described(after)) || !isInsertion(field, added, " x="+wwwauth.Quote(value))) {
			t.Fatalf("%q became %q", field, added)
		}
		if wwwauth.Add(fields, "Bearer", "x", value); fields[0] != added {
			t.Fatalf("%q became %q and then %q", field, added, fields[0])
		}
	})
}

// isInsertion reports whether a text is another one with a parameter, and perhaps a comma, inserted.
func isInsertion(before, after, parameter string) bool {
	for i := range len(before) + 1 {
		if after == before[:i]+parameter+before[i:] || after == before[:i]+","+parameter+before[i:] {
			return true
		}
	}
	return false
}
