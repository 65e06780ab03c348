package clientauth_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"slices"
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
		strings.Repeat("a", 65) + "=x":          clientauth.ErrLongParameter,
		"code=" + strings.Repeat("a", 16<<10+1): clientauth.ErrLongParameter,
		manyParameters(101):                     clientauth.ErrManyParameters,
	} {
		if _, err := clientauth.ParseForm(form); !errors.Is(err, want) {
			t.Errorf("%.40q: got %v, want %v", form, err, want)
		}
	}
}

// TestA140A141A142A164Names checks names that a form reader in use turns into the name of a
// parameter that the gateway reads, or into a method override, and names of no standard.
func TestA140A141A142A164Names(t *testing.T) {
	for want, names := range map[*clientauth.Error][]string{
		// A reader takes a bracket for an array, drops it, or turns it into an underscore.
		clientauth.ErrBracketedParameter: {"[client_id]", "client_id]", "client.id[]", "client secret[x]", "[client_id][x]", "[[client_id]]",
			"[grant_type]", "scope[]", "resource[]", "a[b]", "a]", "%5Bclient_id%5D", "grant_type%5B%5D"},
		clientauth.ErrDisguisedParameter: {
			"Grant_Type", "GRANT_TYPE", "grant.type", "grant+type", "grant type", "+grant_type", "grant_type ", "grant_type.x", // PHP, ASP.NET, qs
			"Client.Assertion_Type", "client assertion", "client.secret", ".client_id", "client_id.", ".client_id.x",
			"client-id", "!client_id", "_client_id", "(client_id)"}, // inflection middleware, Spring's defaults and markers
		// Rack, Rails, Laravel, Symfony, Slim, Spring, Jersey and ASP.NET MVC take the method from these.
		clientauth.ErrMethodOverride: {"_method", "_METHOD", "%5Fmethod", ".method", "+_method", "_method.x", "__method", "X-HTTP-Method-Override",
			"x-http-method", "X-Method-Override", "x_http_method_override"},
		// Readers fold case, width and accents by their own tables, and drop characters that are not shown.
		clientauth.ErrParameterName: {
			"client_%C5%BFecret", "cl%C4%B1ent_id", "client_\u017fecret", "cl\u0131ent_\u0131d", "CL\u0130ENT_ID", // Java's equalsIgnoreCase
			"client_\u00adid", "grant_t\u200bype", "\ufeffgrant_type", "client_id%C2%AD",
			"\u00a0client_id", "client\u00a0id", "\u3000client_secret", "client_id\u0301", "cli\u00e9nt_id",
			"\uff43\uff4c\uff49\uff45\uff4e\uff54\uff3f\uff49\uff44", "client\uff3fid", "\uff3fmethod", // code page conversions narrow full width
			"\u00e9", "x\u4e00", "\U0001f511"},
		nil: {"client_id", "client_secret", "client_assertion", "client_assertion_type", "grant_type",
			"clientid", "grant_types", "client_id_hint", "xclient_id", "scope", "method", "code_challenge_method"},
	} {
		for _, name := range names {
			_, err := clientauth.ParseForm(name + "=a")
			if want == nil && err != nil || want != nil && !errors.Is(err, want) {
				t.Errorf("%q: got %v, want %v", name, err, want)
			}
			if err := clientauth.CheckNames("a[]=%zz&" + name + "=a"); want == clientauth.ErrParameterName && !errors.Is(err, want) {
				t.Errorf("%q in a form that is refused: got %v", name, err)
			}
		}
	}
}

func TestA162ParametersThatChooseTheResponseFormat(t *testing.T) {
	own, err := clientauth.ParseForm("format=raw&view=json")
	if err != nil {
		t.Fatal(err)
	}
	for form, want := range map[string]error{
		"callback=f": clientauth.ErrResponseFormat, "jsonp=f": clientauth.ErrResponseFormat, "format=xml": clientauth.ErrResponseFormat,
		"CALLBACK=f": clientauth.ErrResponseFormat, "a=1&JsonP=f": clientauth.ErrResponseFormat, "_format=xml": clientauth.ErrResponseFormat,
		"$format=xml": clientauth.ErrResponseFormat, "format.x=xml": clientauth.ErrResponseFormat, "f_ormat=xml": clientauth.ErrResponseFormat, "json-p=f": clientauth.ErrResponseFormat, "format=": clientauth.ErrResponseFormat, "Format=raw": clientauth.ErrResponseFormat,
		"format=raw": nil, "callback_uri=x": nil, "formats=x": nil, "response_format=x": nil, "view=xml": nil, "": nil,
	} {
		f, err := clientauth.ParseForm(form)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.CheckFormat(own); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", form, err, want)
		}
	}
}

// What other readers take for separators begins another parameter, and what they
// read in spite of an error before it counts.
func TestA142MethodOverridesInFormsThatAreRefused(t *testing.T) {
	for form, want := range map[string]error{
		"_method=DELETE": clientauth.ErrMethodOverride, "a=%zz&_method=DELETE": clientauth.ErrMethodOverride, "a[]=1&_method=DELETE": clientauth.ErrMethodOverride,
		"a=1;_method=DELETE": clientauth.ErrMethodOverride, "a=1;&%5fmethod=x": clientauth.ErrMethodOverride,
		"": nil, "a=%zz": nil, "token_endpoint_auth_method=_method": nil, "a=&method=b": nil, "redirect_uris[]=a": nil, "Client_ID=a": nil, "a=\u00e9": nil,
	} {
		if err := clientauth.CheckNames(form); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", form, err, want)
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

func TestFormBounds(t *testing.T) {
	for _, form := range []string{manyParameters(100), "assertion=" + strings.Repeat("a", 60<<10),
		strings.Repeat("a", 64) + "=" + strings.Repeat("a", 16<<10)} {
		if _, err := clientauth.ParseForm(form); err != nil {
			t.Errorf("%.20q is within the bounds: %v", form, err)
		}
	}
}

// TestFormEdits checks that an edit leaves the original alone.
func TestFormEdits(t *testing.T) {
	parse := func(encoded string) *clientauth.Form {
		f, err := clientauth.ParseForm(encoded)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	const credentials = "client_id=x&client_secret=y&client_assertion=z&client_assertion_type=t"
	f, none := parse("a=1&"+credentials+"&b=2"), (*clientauth.Form)(nil)
	bare := f.WithoutCredentials()
	got := []string{bare.Completed(parse("c=3")).Encode(), bare.Completed(parse("d=4")).Encode(), bare.Encode(), f.OnlyCredentials().Encode(), f.Encode(),
		none.Encode(), none.OnlyCredentials().Encode(), none.Completed(nil).Encode()}
	want := []string{"a=1&b=2&c=3", "a=1&b=2&d=4", "a=1&b=2", credentials, "a=1&" + credentials + "&b=2", "", "", ""}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// What the gateway read is what an independent parser reads from what it
// writes: same parameters, same order within a name.
func FuzzParseForm(f *testing.F) {
	for _, seed := range []string{"", "a=1&b=2", "client_id=%zz", "a=b;c", "resource=x&resource=y", "a=%C3%A9+", "&&=", "%00", "0&1=!", ".&%", " &0 ", "ClIent id", "\xf1", "client_id[]=a", "client.id=a", "]grant_type=a", "!_method=a", "cl\u0131ent_id=a"} {
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
		for name := range form.All() {
			for reader, read := range lenientReaders {
				if n := read(name); n != name && slices.Contains(namesRead, n) {
					t.Fatalf("%q: %s reads %q as %s", text, reader, name, n)
				}
			}
		}
	})
}

var namesRead = []string{"client_id", "client_secret", "client_assertion", "client_assertion_type", "grant_type", "_method"}

// lenientReaders return the name under which a form reader finds a parameter.
var lenientReaders = map[string]func(name string) string{
	"PHP": func(name string) string { // php_register_variable_ex
		name = strings.TrimLeft(name, " ")
		name, _, _ = strings.Cut(name, "\x00")
		if i := strings.IndexByte(name[min(1, len(name)):], '['); i >= 0 && strings.Contains(name[i+1:], "]") {
			name = name[:i+1]
		}
		return strings.NewReplacer(" ", "_", ".", "_", "[", "_").Replace(name)
	},
	"Rack": func(name string) string { // normalize_params
		name = strings.TrimLeft(name, "[]")
		name, _, _ = strings.Cut(strings.ReplaceAll(name, "]", "["), "[")
		return name
	},
	"qs": func(name string) string { // with allowDots
		members := strings.FieldsFunc(name, func(c rune) bool { return strings.ContainsRune(".[]", c) })
		return strings.Join(members[:min(1, len(members))], "")
	},
	"ASP.NET":   strings.ToLower,
	"trimming":  strings.TrimSpace,
	"case fold": func(name string) string { return strings.ToLower(strings.ToUpper(name)) },
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

// TestPages checks that what login pages send is read, and that no parameter is disguised in it.
func TestPages(t *testing.T) {
	long := strings.Repeat("a", 20000)
	for form, want := range map[string]error{
		"scope=a&scope=b&user[name]=c&_method=delete": nil,
		"__VIEWSTATE=" + long + "&" + long + "=x":     nil, // ASP.NET
		"client_id[]=" + long:                         clientauth.ErrDisguisedParameter,
		"client_id[0]=a":                              clientauth.ErrDisguisedParameter,
		"Client_Id=" + long:                           clientauth.ErrDisguisedParameter,
		"a=b#c":                                       clientauth.ErrMalformedForm,
		"a=b;c":                                       clientauth.ErrMalformedForm,
		manyParameters(101):                           clientauth.ErrManyParameters,
	} {
		if _, err := clientauth.ParsePage(form); !errors.Is(err, want) {
			t.Errorf("%.40q: got %v, want %v", form, err, want)
		}
	}
}

// recordedForm is a form, and how it was read: as parameters, and the text
// that is sent on for them, or refused for a reason. The same file is given to
// the parsers of other languages (e2e/forms.test.mjs), which have to read the
// text that is sent as the same parameters.
type recordedForm struct {
	Form       string      `json:"form"`
	Refused    string      `json:"refused,omitempty"`
	Sent       string      `json:"sent,omitempty"`
	Parameters [][2]string `json:"parameters,omitempty"`
}

func TestRecordedForms(t *testing.T) {
	text, err := os.ReadFile("testdata/forms.json")
	if err != nil {
		t.Fatal(err)
	}
	var forms []recordedForm
	if err := json.Unmarshal(text, &forms); err != nil {
		t.Fatal(err)
	}
	if len(forms) < 100 {
		t.Fatalf("only %d forms are recorded", len(forms))
	}
	for _, want := range forms {
		if got := record(t, want.Form); !reflect.DeepEqual(got, want) {
			t.Errorf("%q:\ngot  %q\nwant %q", want.Form, got, want)
		}
	}
}

func record(t *testing.T, form string) recordedForm {
	t.Helper()
	f, err := clientauth.ParseForm(form)
	var pairs [][2]string
	for name, value := range f.All() {
		pairs = append(pairs, [2]string{name, value.Reveal()})
	}
	var refusal *clientauth.Error
	switch {
	case errors.As(err, &refusal):
		return recordedForm{Form: form, Refused: refusal.Reason}
	case err != nil:
		t.Fatal(err)
	case len(pairs) == 0:
		return recordedForm{Form: form}
	}
	return recordedForm{Form: form, Sent: f.Encode(), Parameters: pairs}
}
