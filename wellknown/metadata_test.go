package wellknown_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oauthgw/clientauth"
	"oauthgw/wellknown"
)

// Each pair in testdata is a provider's document and what is served for it
// when every endpoint at gateway.example is fronted.
func TestAugment(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.in.json")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, input := range inputs {
		name := strings.TrimSuffix(filepath.Base(input), ".in.json")
		t.Run(name, func(t *testing.T) {
			in, out := readFile(t, input), readFile(t, "testdata/"+name+".out.json")
			md, err := wellknown.ParseMetadata([]byte(in))
			if err != nil {
				t.Fatal(err)
			}
			before := string(md.Encode())
			got := md.Augment(func(_ clientauth.Endpoint, u *url.URL) bool { return u.Host == "gateway.example" })
			if string(got.Encode()) != strings.TrimSpace(out) {
				t.Errorf("got  %s\nwant %s", got.Encode(), out)
			}
			if string(md.Encode()) != before {
				t.Error("the provider's document was changed")
			}
		})
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDocumentsThatAreRefused(t *testing.T) {
	for name, document := range map[string]string{
		"nothing":               "",
		"html":                  "<!doctype html>",
		"an array":              `[{"issuer":"https://a"}]`,
		"null":                  "null",
		"no issuer":             `{"token_endpoint":"https://a/token"}`,
		"an issuer of no text":  `{"issuer":7}`,
		"an issuer in capitals": `{"Issuer":"https://a"}`,
		"cut off":               `{"issuer":"https://a","token_endpoint":"https:`,
		"cut off behind a name": `{"issuer":"https://a","token_endpoint"`,
		"a member twice":        `{"issuer":"https://a","token_endpoint":"https://a/1","token_endpoint":"https://a/2"}`,
		"more behind it":        `{"issuer":"https://a"}{}`,
		"NaN":                   `{"issuer":"https://a","x":NaN}`,
		"too deep":              `{"issuer":"https://a","x":` + strings.Repeat("[", 10001) + strings.Repeat("]", 10001) + `}`,
	} {
		if md, err := wellknown.ParseMetadata([]byte(document)); err == nil {
			t.Errorf("%s was read as %s", name, md.Encode())
		}
	}
}

func TestEndpointMustBeAURL(t *testing.T) {
	for value, ok := range map[string]bool{
		`"https://a/token"`: true, `"http://127.0.0.1:1/token"`: true,
		`"/token"`: false, `"file:///token"`: false, `"https:///token"`: false, `"https://a b/"`: false, `7`: false, `null`: false,
	} {
		md, err := wellknown.ParseMetadata([]byte(`{"issuer":"https://a","token_endpoint":` + value + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if u := md.Endpoint(clientauth.Token); (u != nil) != ok {
			t.Errorf("%s was read as %v", value, u)
		}
	}
}

func TestLocations(t *testing.T) {
	const oauth, openid = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
	for path, want := range map[string]string{
		oauth:            oauth,
		openid:           openid,
		oauth + "/":      oauth,
		oauth + "/t1/t2": oauth + "/t1/t2",
		"/t1" + openid:   "/t1" + openid,
		"/t1" + oauth:    "/t1" + oauth,
		"//.well-known//openid-configuration/./t1": openid + "/t1",
		oauth + "x":                             "",
		"/.well-known/oauth-protected-resource": "",
		"/":                                     "",
		oauth + "/" + strings.Repeat("a", 512):  "",
	} {
		if got, ok := wellknown.Location(path); got != want || ok != (want != "") {
			t.Errorf("%s means %q, %v; want %q", path, got, ok, want)
		}
	}
}
