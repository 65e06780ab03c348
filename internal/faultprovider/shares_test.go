package faultprovider_test

import (
	"bufio"
	"maps"
	"strings"
	"testing"

	"oauthgw/internal/faultprovider"
)

// drawn returns what each of a number of token requests met.
func drawn(t *testing.T, seed uint64, requests int, shares faultprovider.Rates) []string {
	t.Helper()
	p := start(t, faultprovider.Config{Seed: seed, Rates: shares})
	c := p.dial(t)
	r := bufio.NewReader(c)
	for range requests {
		statusOf(t, c, r, tokenRequest("same"))
	}
	met := make([]string, len(p.arrivals))
	for i, a := range p.arrivals {
		met[i] = a.Fault
	}
	return met
}

func counts(met []string) map[string]int {
	n := map[string]int{}
	for _, name := range met {
		n[name]++
	}
	return n
}

// The shares come out as told; a seed repeats them one by one, and another does
// not.
func TestShares(t *testing.T) {
	shares := faultprovider.Rates{"redirect-302": 20, "html-500": 5, "close-on-accept": 0, "metadata-404": 100}
	met := drawn(t, 7, 2000, shares)
	n := counts(met)
	if len(met) != 2000 || n["redirect-302"] < 360 || n["redirect-302"] > 440 || n["html-500"] < 75 || n["html-500"] > 125 ||
		n["redirect-302"]+n["html-500"]+n[faultprovider.NoFault] != 2000 {
		t.Errorf("got %v of 2000 with %v", n, shares)
	}
	if again := drawn(t, 7, 100, shares); strings.Join(again, " ") != strings.Join(met[:100], " ") {
		t.Error("the same seed does not repeat the run")
	}
	if other := drawn(t, 8, 100, shares); strings.Join(other, " ") == strings.Join(met[:100], " ") {
		t.Error("another seed repeats the run")
	}
}

// Shares can change while the provider runs; a whole leaves nothing to chance.
func TestSharesChange(t *testing.T) {
	p := start(t, faultprovider.Config{Rates: faultprovider.Rates{"redirect-307": 100}})
	c := p.dial(t)
	r := bufio.NewReader(c)
	for _, test := range []struct {
		shares faultprovider.Rates
		status int
	}{{nil, 200}, {faultprovider.Rates{"redirect-308": 60, "redirect-302": 40}, 308}, {faultprovider.Rates{"html-500": 100}, 500}} {
		if err := p.SetRates(test.shares); err != nil {
			t.Fatal(err)
		}
		got := statusOf(t, c, r, tokenRequest(string(rune('a'+test.status%26))))
		if got != test.status && !(test.status == 308 && got == 302) {
			t.Errorf("got %d with %v", got, test.shares)
		}
	}
	if err := p.SetRates(faultprovider.Rates{"nonsense": 1}); err == nil {
		t.Error("took an unknown name")
	}
	if got := statusOf(t, c, r, tokenRequest("z")); got != 500 {
		t.Errorf("got %d: refused shares changed something", got)
	}
}

func TestParseShares(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "",
		"truncated=5,redirect-307=0.5,":       "",
		"truncated=60,metadata-404=60":        "",
		"truncated":                           `"truncated" is not name=share, such as truncated=5`,
		"truncated=x":                         `"truncated=x" is not name=share, such as truncated=5`,
		"truncated=1,truncated=2":             "truncated has two shares",
		"nonsense=1,truncated=-1":             "nonsense: there is no misbehaviour of that name\ntruncated: a share is between 0 and 100",
		"truncated=NaN":                       "truncated: a share is between 0 and 100",
		"truncated=60,silence=60":             "the shares of what happens to a request are more than 100",
		"close-on-accept=99,banner-at-once=2": "the shares of what happens to a connection are more than 100",
	} {
		got := ""
		s, err := faultprovider.ParseRates(text)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
		if strings.HasSuffix(text, ",") && !maps.Equal(s, faultprovider.Rates{"truncated": 5, "redirect-307": 0.5}) {
			t.Errorf("%s: got %v", text, s)
		}
	}
}
