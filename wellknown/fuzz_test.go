package wellknown_test

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oauthgw/internal/jsonobject"
	"oauthgw/wellknown"
)

// A document is refused, or served with only the gateway's members changed: other members
// stay byte for byte, and no list gains the method none. Augmenting it again changes
// nothing.
func FuzzMetadata(f *testing.F) {
	names, err := filepath.Glob("testdata/*.in.json")
	if err != nil || len(names) == 0 {
		f.Fatalf("no documents: %v", err)
	}
	for _, name := range names {
		for _, d := range documents(f, name) {
			f.Add([]byte(d), false)
			f.Add([]byte(d), true)
		}
	}
	f.Add([]byte(`{"issuer":"0","token_endpoint":"https://gAtewAY.eXAmple","mtls_endpoint_aliases":{"0":"\"0000000000000000"}}`), false)
	f.Add([]byte("{\"issuer\":\"0\",\"\x8e0000\":[\"\"]}"), true)
	f.Fuzz(func(t *testing.T, text []byte, rewrite bool) {
		o, err := jsonobject.Parse(text)
		if err != nil {
			return
		}
		md := wellknown.Metadata{Object: o}
		var served wellknown.Metadata
		for _, verified := range [][]string{{"ES256", "RS256"}, nil} {
			served = augment(md, rewrite, verified...)
			if again := augment(parse(t, string(served.Encode())), rewrite, verified...); !bytes.Equal(again.Encode(), served.Encode()) {
				t.Fatalf("%s is served as %s, and that as %s", text, served.Encode(), again.Encode())
			}
		}
		isOwn := func(member string) bool {
			return strings.Contains(member, "_endpoint") || member == "issuer" || member == "signed_metadata"
		}
		for _, m := range md.Members() {
			isEmptyList := strings.Trim(string(m.Value), "[] \t\r\n") == ""
			if !isOwn(m.Name) && !isEmptyList && !bytes.Equal(served.Get(m.Name), m.Value) {
				t.Fatalf("%s: %q became %s", text, m.Name, served.Get(m.Name))
			}
		}
		for _, m := range served.Members() {
			if !isOwn(m.Name) && md.Get(m.Name) == nil {
				t.Fatalf("%s: %q was added", text, m.Name)
			}
			if slices.Contains(served.Strings(m.Name), "none") && !slices.Contains(md.Strings(m.Name), "none") {
				t.Fatalf("%s: %q became %s", text, m.Name, m.Value)
			}
		}
	})
}
