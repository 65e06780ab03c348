package wellknown_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"oauthgw/clientauth"
	"oauthgw/internal/origin"
	"oauthgw/wellknown"
)

var update = flag.Bool("update", false, "rewrite what the pairs expect to what happens")

// Each pair in testdata is a provider's document and what is served for it when
// every endpoint at gateway.example is fronted. In a pair whose name begins with
// rewrite, provider.example is gateway.example to clients.
func TestAugment(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.in.json")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, input := range inputs {
		name := strings.TrimSuffix(filepath.Base(input), ".in.json")
		t.Run(name, func(t *testing.T) {
			md, err := wellknown.ParseMetadata([]byte(readFile(t, input)))
			if err != nil {
				t.Fatal(err)
			}
			before := string(md.Encode())
			got := string(md.Augment(overridesOf(md, strings.HasPrefix(name, "rewrite"))).Encode())
			output := "testdata/" + name + ".out.json"
			if *update {
				if err := os.WriteFile(output, []byte(got+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := strings.TrimSpace(readFile(t, output)); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if string(md.Encode()) != before {
				t.Error("the provider's document was changed")
			}
		})
	}
}

func overridesOf(md wellknown.Metadata, rewrite bool) wellknown.Overrides {
	way := origin.Map{To: origin.Of("https://gateway.example")}
	f := wellknown.Overrides{Endpoints: map[clientauth.Endpoint]string{}}
	if rewrite {
		way.From = append(way.From, origin.Of("https://provider.example"))
		f.Issuer, _ = way.Move(md.Issuer())
		f.Authorization, _ = way.Move(md.Text("authorization_endpoint"))
	}
	for _, name := range clientauth.Endpoints() {
		if at, ok := way.Move(md.Text(string(name) + "_endpoint")); ok {
			f.Endpoints[name] = at
		}
	}
	return f
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestA088DocumentsThatAreRefused(t *testing.T) {
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

// What is kept does not change when somebody writes into what was made of it.
func TestA094KeptDocumentIsNotChanged(t *testing.T) {
	md, err := wellknown.ParseMetadata([]byte(`{"issuer":"https://a","token_endpoint":"https://a/t","x":[1]}`))
	if err != nil {
		t.Fatal(err)
	}
	kept := string(md.Encode())
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			made := md.Augment(wellknown.Overrides{})
			clear(md.Encode())
			clear(made.With("x", 2).Encode())
			clear(md.Members())
		})
	}
	readers.Wait()
	if got := string(md.Encode()); got != kept {
		t.Errorf("got %s, want %s", got, kept)
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
	for issuer, want := range map[string]string{
		"":                          "/.well-known/oauth-authorization-server /.well-known/openid-configuration",
		"https://a":                 "/.well-known/oauth-authorization-server /.well-known/openid-configuration",
		"https://a/":                "/.well-known/oauth-authorization-server /.well-known/openid-configuration",
		"https://a/t1/x/":           "/.well-known/oauth-authorization-server/t1/x /.well-known/openid-configuration/t1/x /t1/x/.well-known/openid-configuration /t1/x/.well-known/oauth-authorization-server",
		"https://a/realms/one%20me": "/.well-known/oauth-authorization-server/realms/one me /.well-known/openid-configuration/realms/one me /realms/one me/.well-known/openid-configuration /realms/one me/.well-known/oauth-authorization-server",
		":":                         "/.well-known/oauth-authorization-server /.well-known/openid-configuration",
	} {
		if got := strings.Join(wellknown.Locations(issuer), " "); got != want {
			t.Errorf("%s: got %s", issuer, got)
		}
	}
}

func TestPatchesThatContradictThemselves(t *testing.T) {
	one := json.RawMessage(`1`)
	for want, patch := range map[string]wellknown.Patch{
		"":                {Remove: []string{"a"}, Set: map[string]json.RawMessage{"b": one}, Add: map[string][]json.RawMessage{"c": {one}}},
		"changes a twice": {Remove: []string{"a"}, Set: map[string]json.RawMessage{"a": one}},
		"changes b twice": {Set: map[string]json.RawMessage{"b": one}, Add: map[string][]json.RawMessage{"b": {one}}},
		"must leave the issuer alone; metadata.issuer: rewrite moves it together with the endpoints": {Set: map[string]json.RawMessage{"issuer": one}},
	} {
		err := patch.Check()
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
