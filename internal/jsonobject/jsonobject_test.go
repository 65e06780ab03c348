package jsonobject_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"oauthgw/internal/jsonobject"
)

func TestOtherMembersStay(t *testing.T) {
	const text = `{"b":1.50e3,"a":"<&>","\u0063":{"x": [1, 2]},"":null}`
	o, err := jsonobject.Parse([]byte(" \n" + text + "\t"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		got  jsonobject.Object
		want string
	}{
		{o, `{"b":1.50e3,"a":"<&>","c":{"x": [1, 2]},"":null}`},
		{o.With("a", "https://a/?b&c"), `{"b":1.50e3,"a":"https://a/?b&c","c":{"x": [1, 2]},"":null}`},
		{o.With("d", []string{"e"}), `{"b":1.50e3,"a":"<&>","c":{"x": [1, 2]},"":null,"d":["e"]}`},
		{o.Without(func(m jsonobject.Member) bool { return m.Name == "a" || m.Name == "" }), `{"b":1.50e3,"c":{"x": [1, 2]}}`},
		{jsonobject.Object{}.With("a", json.RawMessage("0.0")), `{"a":0.0}`},
		{jsonobject.Object{}, `{}`},
	} {
		if got := string(test.got.Encode()); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
	if o.Text("a") != "<&>" || o.Text("b") != "" || o.Text("absent") != "" || o.Get("absent") != nil || len(o.Members()) != 4 {
		t.Error("members are not found by their names")
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]error{
		"":                       jsonobject.ErrNotObject,
		"<!doctype html>":        jsonobject.ErrNotObject,
		`[{}]`:                   jsonobject.ErrNotObject,
		`null`:                   jsonobject.ErrNotObject,
		"\ufeff{}":               jsonobject.ErrNotObject,
		`{"a":1,"a":1}`:          jsonobject.ErrRepeated,
		`{"a":1,"\u0061":1}`:     jsonobject.ErrRepeated,
		`{"secret":`:             nil,
		`{"secret"`:              nil,
		`{"secret":1`:            nil,
		`{"secret":NaN}`:         nil,
		`{"secret":"s3cret" x}`:  nil,
		`{"secret":1}{}`:         nil,
		`{secret:1}`:             nil,
		`{"secret":s3cret-text}`: nil,
		`{"x":` + strings.Repeat("[", 10001) + strings.Repeat("]", 10001) + `}`: nil,
	} {
		o, err := jsonobject.Parse([]byte(text))
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%.30s: got %s, %v", text, o.Encode(), err)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%.30s: the error quotes the text: %v", text, err)
		}
	}
}

// WithoutNulls removes the members that are null, and leaves nulls inside of other values and
// the text of those.
func TestWithoutNulls(t *testing.T) {
	o, err := jsonobject.Parse([]byte(`{"a":null,"b": {"c":null},"d":"null", "e" : null ,"f":[null],"g":1.0}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(o.WithoutNulls().Encode()), `{"b":{"c":null},"d":"null","f":[null],"g":1.0}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// An object means the same to encoding/json before and after.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"a":[1,{"b":null}],"c":"\u00e9","d":-0.0}`, `{"a":1,"a":2}`, `{"":0}`, `{"":0`, "{{", `{""`, "{}", ",", "{}{", "{"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := jsonobject.Parse(text)
		if err != nil {
			return
		}
		var before, after map[string]any
		if err := json.Unmarshal(text, &before); err != nil {
			t.Fatalf("%q was parsed: %v", text, err)
		}
		if err := json.Unmarshal(o.Encode(), &after); err != nil || !reflect.DeepEqual(before, after) || len(after) != len(o.Members()) {
			t.Fatalf("%q became %q: %v", text, o.Encode(), err)
		}
	})
}

// BenchmarkChange changes one member of a registration.
func BenchmarkChange(b *testing.B) {
	text := []byte(`{"client_name":"A desktop client","redirect_uris":["http://127.0.0.1:53682/callback","http://localhost:53682/callback"],` +
		`"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"scope":"openid profile email offline_access",` +
		`"token_endpoint_auth_method":"client_secret_basic"}`)
	b.ReportAllocs()
	for b.Loop() {
		o, err := jsonobject.Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		if len(o.With("token_endpoint_auth_method", "client_secret_post").Encode()) == len(text) {
			b.Fatal("nothing changed")
		}
	}
}
