package wellknown_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
	"oauthgw/internal/origin"
	"oauthgw/wellknown"
)

var update = flag.Bool("update", false, "rewrite the expected documents")

// Each pair in testdata is a provider's document and the served one, if every endpoint at
// gateway.example is fronted. In a pair whose name starts with rewrite, provider.example
// is gateway.example to clients.
func TestAugment(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.in.json")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, input := range inputs {
		name := strings.TrimSuffix(filepath.Base(input), ".in.json")
		t.Run(name, func(t *testing.T) {
			got := string(augment(parse(t, readFile(t, input)), strings.HasPrefix(name, "rewrite")).Encode())
			output := "testdata/" + name + ".out.json"
			if *update {
				if err := os.WriteFile(output, []byte(got+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := strings.TrimSpace(readFile(t, output)); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func parse(t *testing.T, text string) wellknown.Metadata {
	t.Helper()
	o, err := jsonobject.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return wellknown.Metadata{Object: o}
}

// augment augments metadata as if every endpoint at the public origin were fronted.
func augment(md wellknown.Metadata, rewrite bool) wellknown.Metadata {
	m := origin.Map{To: origin.Of("https://gateway.example")}
	if rewrite {
		m.From = append(m.From, origin.Of("https://provider.example"))
	}
	paths := map[clientauth.Endpoint]string{}
	for _, name := range clientauth.Endpoints() {
		if u := md.Endpoint(name); u != nil {
			paths[name] = u.Path
		}
	}
	return md.Augment(m, paths, rewrite, wellknown.Agents{})
}

func readFile(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Writing to what the methods return does not change the metadata.
func TestA094MetadataIsImmutable(t *testing.T) {
	md := parse(t, `{"issuer":"https://a","token_endpoint":"https://a/t","x":[1]}`)
	kept := string(md.Encode())
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			made := augment(md, false)
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
