package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A bad file says in its first line, or lines, what is to be said of it.
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
			want := toldErrors(string(text))
			if bad := strings.HasSuffix(name, ".bad.yaml"); bad != (len(want) > 0) {
				t.Fatal("a bad file names its errors, a good one has none")
			}
			var got []string
			if _, err := Load(name, nil); err != nil {
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

func TestMissingFileIsNamed(t *testing.T) {
	_, _, mistakes := readConfig("testdata/absent.yaml")
	if len(mistakes) != 1 || !strings.Contains(mistakes[0].Error(), "testdata/absent.yaml: cannot be read: no such file") {
		t.Errorf("got %v", mistakes)
	}
}
