package clientauth_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"oauthgw/clientauth"
)

func TestFormsThatAreRefused(t *testing.T) {
	for form, want := range map[string]error{
		"grant_type=a&grant_type=b":             clientauth.ErrRepeatedParameter,
		"client_id=a&client_id=":                clientauth.ErrRepeatedParameter,
		"client_id=a&client%5Fid=a":             clientauth.ErrRepeatedParameter,
		"client_secret=1&client_secret=1":       clientauth.ErrRepeatedParameter,
		"scope=a&scope=b":                       clientauth.ErrRepeatedParameter,
		"grant_type=x;client_id=y":              clientauth.ErrMalformedForm,
		"client_id=%zz":                         clientauth.ErrMalformedForm,
		"client_id=a%":                          clientauth.ErrMalformedForm,
		"client_id=%u0061":                      clientauth.ErrMalformedForm,
		"=a":                                    clientauth.ErrMalformedForm,
		"client_id=a\nb":                        clientauth.ErrMalformedForm,
		"client_id=a\x00":                       clientauth.ErrMalformedForm,
		"client_id=%c0%af":                      clientauth.ErrFormCharacter,
		"scope=\xff":                            clientauth.ErrFormCharacter,
		"client_id=a%00b":                       clientauth.ErrFormCharacter,
		"client_id%00=a":                        clientauth.ErrFormCharacter,
		"client_secret=a%0Ab":                   clientauth.ErrFormCharacter,
		"foo=a%00b":                             clientauth.ErrFormCharacter,
		"Client_Id=a":                           clientauth.ErrDisguisedParameter,
		"CLIENT_SECRET=a":                       clientauth.ErrDisguisedParameter,
		"client_id[]=a":                         clientauth.ErrDisguisedParameter,
		"client_id[0]=a":                        clientauth.ErrDisguisedParameter,
		"client_id.x=a":                         clientauth.ErrDisguisedParameter,
		"client.id=a":                           clientauth.ErrDisguisedParameter,
		"client[id=a":                           clientauth.ErrDisguisedParameter,
		"client+id=a":                           clientauth.ErrDisguisedParameter,
		"+client_id=a":                          clientauth.ErrDisguisedParameter,
		" client_id=a":                          clientauth.ErrDisguisedParameter,
		"client_id =a":                          clientauth.ErrDisguisedParameter,
		"\ufeffclient_id=a":                     clientauth.ErrDisguisedParameter,
		strings.Repeat("a", 65) + "=x":          clientauth.ErrLongParameter,
		"code=" + strings.Repeat("a", 16<<10+1): clientauth.ErrLongParameter,
		manyParameters(101):                     clientauth.ErrManyParameters,
	} {
		if _, err := clientauth.ParseForm(form); !errors.Is(err, want) {
			t.Errorf("%.40q: got %v, want %v", form, err, want)
		}
	}
}

func manyParameters(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "p%d=x&", i)
	}
	return b.String()
}

// Parameters beyond the bound are not even looked at.
func TestA020ManyParametersCostNoMore(t *testing.T) {
	cost := func(n int) float64 {
		form := manyParameters(n)
		return testing.AllocsPerRun(10, func() { _, _ = clientauth.ParseForm(form) })
	}
	if few, many := cost(101), cost(10001); many > few {
		t.Errorf("101 parameters take %v allocations, 10,001 take %v", few, many)
	}
}

func TestFormsThatAreAccepted(t *testing.T) {
	for form, want := range map[string]string{
		"":                                 "",
		"&&a=1&&b=2&":                      "a=1&b=2",
		"client_id":                        "client_id=",
		"code=a%2fb+c&x=1":                 "code=a%2Fb+c&x=1",
		"foo=bar%20baz":                    "foo=bar+baz",
		"resource=b&resource=a&audience=c": "resource=b&resource=a&audience=c",
		"a=b=c":                            "a=b%3Dc",
		"claims=%7B%0A%7D":                 "claims=%7B%0A%7D",
		"a=é":                              "a=%C3%A9",
		"clientid=x&client_identity=y":     "clientid=x&client_identity=y",
	} {
		f, err := clientauth.ParseForm(form)
		if err != nil {
			t.Errorf("%q: %v", form, err)
			continue
		}
		if got := f.Encode(); got != want {
			t.Errorf("%q: got %q, want %q", form, got, want)
		}
	}
	for _, form := range []string{manyParameters(100), "assertion=" + strings.Repeat("a", 60<<10),
		strings.Repeat("a", 64) + "=" + strings.Repeat("a", 16<<10)} {
		if _, err := clientauth.ParseForm(form); err != nil {
			t.Errorf("%.20q is within the bounds: %v", form, err)
		}
	}
}

func TestFormEditsLeaveTheOriginalAlone(t *testing.T) {
	f, err := clientauth.ParseForm("a=1&client_id=x&client_secret=y&client_assertion=z&client_assertion_type=t&b=2")
	if err != nil {
		t.Fatal(err)
	}
	before := f.Encode()
	bare := f.WithoutCredentials()
	one, two := bare.With("c", "3"), bare.With("d", "4")
	for _, test := range []struct {
		form *clientauth.Form
		want string
	}{
		{f, before}, {bare, "a=1&b=2"}, {one, "a=1&b=2&c=3"}, {two, "a=1&b=2&d=4"}, {f.OnlyCredentials(), "client_id=x&client_secret=y&client_assertion=z&client_assertion_type=t"},
	} {
		if got := test.form.Encode(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestNilFormIsEmpty(t *testing.T) {
	var f *clientauth.Form
	if f.Encode() != "" || f.Get("a") != "" || f.OnlyCredentials().Encode() != "" || f.Completed(nil).Encode() != "" || f.With("a", "b").Encode() != "a=b" {
		t.Error("a nil form is not empty")
	}
}

// What the gateway read is what an independent parser reads from what it
// writes: same parameters, same order within a name.
func FuzzParseForm(f *testing.F) {
	for _, seed := range []string{"", "a=1&b=2", "client_id=%zz", "a=b;c", "resource=x&resource=y", "a=%C3%A9+", "&&=", "client_id[]=a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		form, err := clientauth.ParseForm(text)
		if err != nil {
			var refusal *clientauth.Error
			if !errors.As(err, &refusal) || refusal.Code != clientauth.CodeInvalidRequest {
				t.Fatalf("%q: %v is not an invalid_request", text, err)
			}
			return
		}
		encoded := form.Encode()
		again, err := clientauth.ParseForm(encoded)
		if err != nil || again.Encode() != encoded {
			t.Fatalf("%q: does not survive a round trip: %v", text, err)
		}
		sent, err := url.ParseQuery(encoded)
		if err != nil {
			t.Fatalf("%q: unreadable to another parser: %v", text, err)
		}
		received, err := url.ParseQuery(text)
		if err != nil || received.Encode() != sent.Encode() {
			t.Fatalf("%q was read differently: %v", text, err)
		}
	})
}

func FuzzReadBasic(f *testing.F) {
	for _, seed := range []string{"", "Basic", "Basic YTpi", "bAsIc  YTpi", "Basic YTpi, Basic Yzpk", "Bearer x", "Basic OnM=", "Basic YXBwOv8="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		c, err := read(t, clientauth.Config{}, field)
		var refusal *clientauth.Error
		switch {
		case err != nil && !errors.As(err, &refusal):
			t.Fatalf("%q: %v is not a refusal", field, err)
		case err == nil && c.Method == clientauth.Basic && c.ClientID == "":
			t.Fatalf("%q: Basic without a client id", field)
		case err == nil && c.Method != clientauth.Basic && c.Method != clientauth.Other:
			t.Fatalf("%q: read as %s", field, c.Method)
		}
	})
}
