package main

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// A bad file says in its first line, or lines, what is to be said of it.
func TestConfigurations(t *testing.T) {
	names, err := filepath.Glob("testdata/config/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatalf("no configurations: %v", err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			want := toldErrors(string(text))
			if bad := strings.HasSuffix(name, ".bad.yaml"); bad != (len(want) > 0) {
				t.Fatal("a bad file names its errors, a good one has none")
			}
			c, source, mistakes := readConfig(name)
			if source != nil {
				_, more := c.compile(source)
				mistakes = append(mistakes, more...)
			}
			var got []string
			if err := mistakes.err(); err != nil {
				got = strings.Split(strings.ReplaceAll(err.Error(), name, "FILE"), "\n")
			}
			if !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// toldErrors returns what a file says is to be said of it.
func toldErrors(text string) []string {
	var told []string
	for line := range strings.Lines(text) {
		if message, ok := strings.CutPrefix(line, "# error: "); ok {
			told = append(told, strings.TrimSpace(message))
		}
	}
	return told
}

// The example is the manual: every key, at its default.
func TestExampleHoldsEveryKeyAtItsDefault(t *testing.T) {
	const name = "../../config.example.yaml"
	got, source, mistakes := readConfig(name)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	if _, mistakes := got.compile(source); len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	want := defaults()
	want.Upstream.URL = "http://127.0.0.1:3000"
	want.Endpoints, want.ClientAuth.Clients = map[string]string{}, map[string]clientConfig{}
	want.Metadata.Patch = patchConfig{Set: map[string]any{}, Remove: []string{}, Add: map[string][]any{}}
	want.CORS.AllowedOrigins, want.TrustedProxies, want.Admin.AllowedHosts = []string{}, []string{}, []string{}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the example is\n%+v\nand the defaults are\n%+v", got, want)
	}
	for _, key := range allKeys(reflect.TypeFor[config](), "") {
		if lineOf(&source.root, strings.Split(key, ".")) == 0 || !holds(source, key) {
			t.Errorf("the example lacks %s", key)
		}
	}
}

// holds reports whether a key itself is there, not only the section around it.
func holds(s *source, key string) bool {
	var value any
	_ = s.root.Decode(&value)
	for _, word := range strings.Split(key, ".") {
		section, ok := value.(map[string]any)
		if !ok {
			return false
		}
		if value, ok = section[word]; !ok {
			return false
		}
	}
	return true
}

// allKeys lists the keys of a configuration struct.
func allKeys(t reflect.Type, prefix string) []string {
	var keys []string
	for f := range t.Fields() {
		key := prefix + f.Tag.Get("yaml")
		keys = append(keys, key)
		if f.Type.Kind() == reflect.Struct {
			keys = append(keys, allKeys(f.Type, key+".")...)
		}
	}
	return keys
}

func TestMissingFileIsNamed(t *testing.T) {
	_, _, mistakes := readConfig("testdata/absent.yaml")
	if len(mistakes) != 1 || !strings.Contains(mistakes[0].Error(), "testdata/absent.yaml: cannot be read: no such file") {
		t.Errorf("got %v", mistakes)
	}
}
