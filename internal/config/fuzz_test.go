package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// YAML 1.1 section 5.4 has more of them than editors.
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
		if len(text) > 2<<10 { // the line of a mistake in a long file is looked for long
			return
		}
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		c, source, mistakes := readConfig(name)
		if source == nil && len(mistakes) == 0 {
			t.Fatalf("%q is refused for nothing", text)
		}
		if source != nil {
			c.namesNoFiles()
			_, more := c.validate(source)
			mistakes = append(mistakes, more...)
		}
		for _, m := range mistakes {
			switch {
			case m.File != name || m.Message == "" || strings.ContainsAny(m.Error(), "\r\n"):
				t.Fatalf("%q: %+v is no line", text, m)
			case m.Line < 0 || m.Line > len(yamlLineBreak.Split(string(text), -1)):
				t.Fatalf("%q: %+v is in no line of the file", text, m)
			case m.Line == 0 && m.Key == "" && !strings.HasPrefix(m.Message, "is ") && !strings.HasPrefix(m.Message, "holds "):
				t.Fatalf("%q: %+v is about nothing", text, m)
			}
		}
	})
}

// namesNoFiles removes the names of files, because a fuzzer's files are not opened.
func (c *Config) namesNoFiles() {
	c.Admin.WebConfigFile, c.Audit.File, c.TLS = "", "", CertificateConfig{}
	c.Upstream.CAFile, c.Upstream.CertFile, c.Upstream.KeyFile = "", "", ""
}

// The library counts lines that nothing else does, and a long file is not asked
// again line by line.
func TestLongBrokenFileOfCarriageReturns(t *testing.T) {
	text := strings.Repeat("# a\n", 200) + strings.Repeat("#"+strings.Repeat("b", 900)+"\r", 1000) + "c: [\r"
	name := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, mistakes := readConfig(name)
	if len(mistakes) != 1 || mistakes[0].Line == 0 {
		t.Errorf("got %v", mistakes)
	}
}
