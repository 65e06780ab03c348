package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// yamlLineBreak matches the line breaks of YAML 1.1 (section 5.4).
var yamlLineBreak = regexp.MustCompile("\r\n|[\r\n\u0085\u2028\u2029]")

// FuzzConfig checks that a file is a configuration or has errors, each of one line, and
// that an error names a line of the file, a key that is missing, or the whole file.
func FuzzConfig(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no configurations: %v", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, text := range []string{"#0000\n0: &aaaa: \n0", "\x10\n\n\n0", "#" + strings.Repeat("0", 128) + "\n&0 {\n0", "0\x00\n0"} {
		f.Add([]byte(text)) // once found by fuzzing
	}
	name := filepath.Join(f.TempDir(), "config.yaml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		v := &validator{file: name, lines: map[string]int{}}
		c, ok := v.read()
		if !ok && len(v.found) == 0 {
			t.Fatalf("%q is refused without an error", text)
		}
		if ok {
			// The files that a fuzzer names are not opened.
			c.Admin.WebConfigFile, c.Audit.File, c.TLS = "", "", CertificateConfig{}
			c.Upstream.CAFile, c.Upstream.CertFile, c.Upstream.KeyFile = "", "", ""
			v.settings(c)
		}
		lines := len(yamlLineBreak.Split(string(text), -1))
		for _, e := range v.found {
			switch {
			case e.File != name || e.Message == "" || strings.ContainsAny(e.Error(), "\r\n"):
				t.Fatalf("%q: %+v is not one line", text, e)
			case e.Line < 0 || e.Line > lines:
				t.Fatalf("%q: the file does not have the line of %+v", text, e)
			case e.Line == 0 && e.Key == "" && !strings.HasPrefix(e.Message, "is ") && !strings.HasPrefix(e.Message, "holds "):
				t.Fatalf("%q: %+v has neither line nor key", text, e)
			}
		}
	})
}
