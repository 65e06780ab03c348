package jsonobject_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"oauthgw/internal/jsonobject"
)

// tokenResponse is a usual response of a token endpoint.
var tokenResponse = []byte(`{"access_token":"` + strings.Repeat("a", 700) + `","token_type":"Bearer","expires_in":3600,` +
	`"refresh_token":"` + strings.Repeat("b", 40) + `","scope":"openid profile"}`)

// objectOf returns an object with n members of one value, and with a last member.
func objectOf(n int, value, last string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"m%d":%s,`, i, value)
	}
	return "{" + b.String() + last + "}"
}

func nested(depth int) string {
	return `{"a":` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + `}`
}

// plainTexts are valid, and parsed in one pass.
var plainTexts = []string{
	"{}", " {\t} \r\n", string(tokenResponse),
	"\r\n\t {\r\n\t \"a\"\r\n\t :\r\n\t 1\r\n\t ,\r\n\t \"b\"\r\n\t :\r\n\t \"c\"\r\n\t }\r\n\t ",
	`{"":"","a":true,"b":false,"c":null,"d":{},"e":[]}`,
	`{"a":0,"b":-0,"c":-0.0e-0,"d":1.50E+3,"e":1e999999,"f":` + strings.Repeat("9", 400) + `}`,
	`{"a":"\"","b":"\\","c":"\\\"}","d":"\u00e9\/\ud800","e":"}],{["}`,
	`{"a":{"b":"}","c":["]","\"]",{"d":[1 , 2]}]},"e":[{"a":1,"a":2}]}`,
	"{\"a\":\"é\u2028\x7f\xff\xc0\x80\",\"b\":[\"\xff\"]}",
	nested(9999), nested(10000),
	objectOf(jsonobject.MaxPlain-1, "1", `"last":"x"`),
}

// otherTexts are not parsed in one pass. Some are valid.
var otherTexts = []string{
	"", " ", "null", "[]", `"a"`, "\ufeff{}", "\xff{}", "\x00{}", "\v{}", "\u00a0{}", "{", "{]", "{,}", "{}{}", "{}x", "{}\x00", "{} null",
	`{"a":1}}`, `{"a":1]`, `{"a":1,}`, `{"a":1,,"b":1}`, `{,"a":1}`, `{"a":1 "b":1}`, `{"a" 1}`, `{"a"::1}`, `{"a":}`, `{"a":,"b":1}`, `{"a"}`,
	`{a:1}`, `{'a':1}`, `{1:1}`, `{null:1}`, `{["a"]:1}`, `{{}:1}`, `{"a":1,"a":1}`, `{"a":1,"b":2,"a":1}`, `{"a":1,"\u0061":1}`, `{"\u0061":1}`, `{"\"":1}`,
	"{\"é\":1}", "{\"\xff\":1}", "{\"\xff\":1,\"\xfe\":2}", "{\"\u2028\":1}", "{\"\x7f\":1}", "{\"\x00\":1}", "{\"a\nb\":1}",
	`{"a":01}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":+1}`, `{"a":-}`, `{"a":--1}`, `{"a":0x1}`, `{"a":1_0}`, `{"a":NaN}`, `{"a":Infinity}`, `{"a":1 2}`,
	`{"a":True}`, `{"a":nul}`, `{"a":nulll}`, `{"a":true"b"}`, `{"a":1"b"}`, `{"a":"b"1}`, `{"a":"b""c"}`, `{"a":1[2,3]}`, `{"a":1{}}`, "{\"a\":1\x00}", "{\"a\":1\v}",
	`{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"\"}`, `{"a":"b\`, "{\"a\":\"\x00\"}", "{\"a\":\"\n\"}", "{\"a\":\"\x1f\"}", "{\"a\":\"b\\\n\"}",
	`{"a":[}`, `{"a":[}]}`, `{"a":{]}`, `{"a":[1}`, `{"a":{"b":1]}`, `{"a":[1,]}`, `{"a":{"b"}}`, `{"a":[1]]}`, `{"a":]}`, `{"a":[]x}`, `{"a":[tru]}`, "{\"a\":[\"\n\"]}", `{"a":["}`,
	`{"a":1}//`, `{/**/}`, `{"a":1/**/}`,
	nested(10001), objectOf(jsonobject.MaxPlain, "1", `"last":"x"`), objectOf(jsonobject.MaxPlain-1, "1", `"m0":1`),
}

// agree fails if the one pass accepts what the full check does not, or reads it differently.
func agree(t *testing.T, text []byte) (plain bool) {
	t.Helper()
	got, plain := jsonobject.ParsePlain(text)
	if want, err := jsonobject.ParseAny(text); plain && (err != nil || !reflect.DeepEqual(got, want)) {
		t.Errorf("%.200q: got %q, want %q, %v", text, got.Members(), want.Members(), err)
	}
	return plain
}

func TestParsePlain(t *testing.T) {
	for i, text := range slices.Concat(plainTexts, otherTexts) {
		if want := i < len(plainTexts); agree(t, []byte(text)) != want {
			t.Errorf("%.200q: parsed in one pass is %v", text, !want)
		}
		for n := range min(len(text), 300) {
			agree(t, []byte(text[:n]))
			agree(t, []byte(text[len(text)-n:]))
		}
	}
}

// The full check decides about an object of many members.
func TestManyMembers(t *testing.T) {
	const n = 100_000
	o, err := jsonobject.Parse([]byte(objectOf(n, `"x"`, `"last":1`)))
	if err != nil || o.Len() != n+1 || o.Text(fmt.Sprintf("m%d", n-1)) != "x" {
		t.Errorf("got %d members, %v", o.Len(), err)
	}
	for _, repeated := range []int{jsonobject.MaxPlain - 1, jsonobject.MaxPlain, jsonobject.MaxPlain + 1, n} {
		if _, err := jsonobject.Parse([]byte(objectOf(repeated, "1", `"m0":1`))); !errors.Is(err, jsonobject.ErrRepeated) {
			t.Errorf("a member repeated after %d: %v", repeated, err)
		}
	}
}

// A caller that appends to a value does not change the text behind it.
func TestValuesHaveNoRoom(t *testing.T) {
	o, err := jsonobject.Parse([]byte(`{"a":"b","c":[1],"d":2}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range o.Members() {
		_ = append(m.Value, strings.Repeat("x", 10)...)
	}
	if got := string(o.Encode()); got != `{"a":"b","c":[1],"d":2}` {
		t.Errorf("got %s", got)
	}
}

func TestText(t *testing.T) {
	for _, value := range []string{
		"", "null", "1", `["a"]`, `"`, `""`, `"a"`, `"a" `, ` "a"`, `"a"b"`, `"a""`, `"a`, `"\"`, `"\""`, `"<\u0061>"`, "\"é\"", "\"\x7f\"", "\"\xff\"", "\"a\nb\"", `"\ud800"`,
	} {
		var want string
		if json.Unmarshal([]byte(value), &want) != nil || !strings.HasPrefix(value, `"`) {
			want = ""
		}
		if got := (jsonobject.Member{Value: json.RawMessage(value)}).Text(); got != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
}

func TestEncodeNames(t *testing.T) {
	for name, want := range map[string]string{
		"": `""`, "a b": `"a b"`, "<&>": `"<&>"`, `"`: `"\""`, `a"`: `"a\""`, `a"b`: `"a\"b"`, `\`: `"\\"`, "\n": `"\n"`, "\x00": `"\u0000"`,
		"é": `"é"`, "\u2028": `"\u2028"`, "\xff": `"\ufffd"`, "\x7f": "\"\x7f\"",
	} {
		if got := string(jsonobject.Object{}.With(name, 1).Encode()); got != "{"+want+":1}" {
			t.Errorf("%q: got %s, want %s", name, got, want)
		}
	}
}

func FuzzParsePlain(f *testing.F) {
	for _, text := range slices.Concat(plainTexts, otherTexts) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) { agree(t, text) })
}

// BenchmarkParse parses a token response, removes nothing, and reads two members.
func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		o, err := jsonobject.Parse(tokenResponse)
		if o = o.WithoutNulls(); err != nil || o.Text("error") != "" || o.Text("scope") == "" {
			b.Fatal("it was not parsed")
		}
	}
}
