package marked

import (
	"os"
	"path/filepath"
	"testing"
)

// What people wrote around the marks stays, and a file without marks too.
func TestPut(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.md")
	const marked = "before\n<!-- make x -->\n\nold\n\n<!-- end -->\nafter\n"
	for name, test := range map[string]struct{ text, want string }{
		"marks":          {marked, "before\n<!-- make x -->\n\nnew\n\n<!-- end -->\nafter\n"},
		"no marks":       {"before\n", ""},
		"another's":      {"<!-- make y -->\n<!-- end -->\n", ""},
		"without an end": {"<!-- make x -->\nold\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			err := Put("new\n", "make x", file)
			got, readErr := os.ReadFile(file)
			want := test.want
			if want == "" {
				want = test.text
			}
			if readErr != nil || (err == nil) != (test.want != "") || string(got) != want {
				t.Errorf("%v; the file is %q", err, got)
			}
		})
	}
}
