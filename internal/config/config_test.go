package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oauthgw/internal/config"
)

// TestConfigurations loads the files of testdata. A bad file begins with its errors.
func TestConfigurations(t *testing.T) {
	names, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no configurations: %v", err)
	}
	for _, name := range append(names, "../../config.example.yaml") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			want := wantedErrors(string(text))
			if bad := strings.HasSuffix(name, ".bad.yaml"); bad != (len(want) > 0) {
				t.Fatal("a bad file names its errors, a good one has none")
			}
			var got []string
			if _, err := config.Load(name, nil); err != nil {
				got = strings.Split(strings.ReplaceAll(err.Error(), name, "FILE"), "\n")
			}
			if !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// wantedErrors returns the errors that a file is to have.
func wantedErrors(text string) []string {
	var want []string
	for line := range strings.Lines(text) {
		if message, ok := strings.CutPrefix(line, "# error: "); ok {
			want = append(want, strings.TrimSpace(message))
		}
	}
	return want
}

func TestSyntaxErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   "FILE: is empty; a configuration holds at least upstream: {url: ORIGIN}, or a comment",
		"http://127.0.0.1:3000":              "FILE:1: must be a section of keys and values",
		"upstream: url: http://a":            "FILE: is not YAML: mapping values are not allowed",
		"listen: a\nlog: {level: a\ntls:":    "FILE:2: is not YAML: did not find expected ',' or '}'",
		"listen: a\n---\nlog: {level: a":     "FILE:3: is not YAML: did not find expected ',' or '}'",
		"listen: a\nlog\ntls:":               "FILE:2: is not YAML: could not find expected ':'",
		"log:\n    level: a\n  format: a":    "FILE:3: is not YAML: did not find expected key",
		"log:\n\tlevel: a":                   "FILE:2: is not YAML: found character that cannot start any token; indent by spaces and not by tabs, ",
		"listen: a\nupstream: {url: ${URL}}": "FILE:2: is not YAML: did not find expected ',' or '}'; variables such as ${NAME} are not expanded, so write the value itself",
		"listen: a\npublic_url: \"\x01\"":    "FILE: is not YAML: control characters are not allowed",
		"#\r#\ra: \"${A}":                    "FILE:3: is not YAML: found unexpected end of stream; variables such as ${NAME} are not expanded, so write the value itself",
		"listen: a\npublic_url: caf\xe9":     "FILE: is not YAML: incomplete UTF-8 octet sequence",
	} {
		name := filepath.Join(t.TempDir(), "oauthgw.yaml")
		write(t, name, text)
		_, err := config.Load(name, nil)
		if got := strings.ReplaceAll(err.Error(), name, "FILE"); !strings.HasPrefix(got, want) || strings.Contains(got, "\n") {
			t.Errorf("%q: got %s", text, got)
		}
	}
}

func TestUpstreamURL(t *testing.T) {
	const noOrigin = "must be an http or https URL without user, path, query or fragment, such as http://127.0.0.1:3000"
	for url, want := range map[string]string{
		"https://provider.example": "", "http://localhost:3000": "", "unix:/run/provider.sock": "",
		"provider.example:443": noOrigin, "https://:443": noOrigin, "https://a:": noOrigin, "http://127.0.0.1:99999": "the port must be a number from 0 to 65535, as in http://127.0.0.1:3000",
		"https://a.example/oauth2": noOrigin, "https://user@a.example": noOrigin,
		"":                        "is required: the provider's origin, such as http://127.0.0.1:3000",
		"unix:provider.sock":      "must name the socket by its whole path, such as unix:/run/provider.sock",
		"http://provider.example": "plain http would carry client secrets to another host; use https, or set upstream.insecure_plaintext",
	} {
		_, err := config.Load("", map[string]string{"upstream.url": url})
		if want != "" && fmt.Sprint(err) != "--upstream.url: "+want || want == "" && err != nil {
			t.Errorf("%s: got %v", url, err)
		}
	}
}
