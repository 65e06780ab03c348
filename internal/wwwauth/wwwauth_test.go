package wwwauth_test

import (
	"fmt"
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
