package repair_test

import (
	"testing"

	"oauthgw/internal/jsonobject"
	"oauthgw/internal/repair"
)

// object parses an object.
func object(t *testing.T, text string) jsonobject.Object {
	t.Helper()
	o, err := jsonobject.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestP10Numbers(t *testing.T) {
	for in, want := range map[string]string{
		`"5250"`: "5250", `"0"`: "0", `"007"`: "7", "3600.0": "3600", "3.6e3": "3600", "1e10": "10000000000", "0.0": "0",
		"3600": "", `"3600.0"`: "", "3599.7": "", `"never"`: "", `"-5"`: "", "-5.0": "", "-5": "", `"0x10"`: "", `"1e3"`: "", `"+1"`: "", `" 1"`: "", `""`: "",
		"null": "", "true": "", "[1.0]": "", "1e15": "", "1e400": "", "1e-1": "", "1e-400": "", "3600.0000000000000001": "", `"1234567890123456"`: "", "12345678901234567890": "",
	} {
		o, changed := repair.Numbers(object(t, `{"id":"1","expires_in":`+in+`,"ext_expires_in":"2"}`), "expires_in", "interval")
		if changed != (want != "") {
			t.Errorf("%s: changed is %v", in, changed)
		}
		if want == "" {
			want = in
		}
		if got, want := string(o.Encode()), `{"id":"1","expires_in":`+want+`,"ext_expires_in":"2"}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestP12P13FormToJSON(t *testing.T) {
	for in, want := range map[string]string{
		"access_token=a%2Bb&token_type=bearer&scope=read%20write+x&expires_in=3600&id=1\r\n": `{"access_token":"a+b","token_type":"bearer","scope":"read write x","expires_in":3600,"id":"1"}`,
		"access_token=x&expires_in=never":  `{"access_token":"x","expires_in":"never"}`,
		"error=invalid_grant&error_uri=a&": `{"error":"invalid_grant","error_uri":"a"}`,
		"access_token=&refresh_token=x":    "", "error=": "", "a=b": "", "": "", "access_token": "",
		"error=the code is wrong": "", "error: invalid_grant": "", "<p>error=x</p>": "", `{"error":"x"}`: "", "error=x\nerror_uri=y": "",
		"access_token=x&access_token=y": "", "access_token=x&resource=a&resource=b": "", "access_token=%zz": "", "access_token=%ff": "", "access_token=x;y=z": "",
	} {
		o, ok := repair.FormToJSON([]byte(in))
		if ok != (want != "") || ok && string(o.Encode()) != want {
			t.Errorf("%q: got %v %s", in, ok, o.Encode())
		}
	}
}

func TestP27ScopeList(t *testing.T) {
	for in, want := range map[string]string{
		`["a","b:c/d"]`: `"a b:c/d"`, `["a"]`: `"a"`, "[]": "", `["a b"]`: "", `["a",1]`: "", `["a",null]`: "", `[["a"]]`: "", `[""]`: "", `"a b"`: "", "null": "", `["\u0000"]`: "",
	} {
		o, changed := repair.ScopeList(object(t, `{"scope":`+in+`}`))
		if changed != (want != "") || changed && string(o.Get("scope")) != want {
			t.Errorf("%s: got %v %s", in, changed, o.Encode())
		}
	}
	if _, changed := repair.ScopeList(object(t, `{"scopes":["a"]}`)); changed {
		t.Error("an object without scope changed")
	}
}
