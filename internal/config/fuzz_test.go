package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzConfig checks that a file is a configuration or has errors, each of one line.
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
			c.State.PasswordFile, c.State.CAFile = "", ""
			c.Upstream.CAFile, c.Upstream.CertFile, c.Upstream.KeyFile = "", "", ""
			for id, client := range c.Clients {
				client.SecretFile = ""
				for i := range client.Assertions {
					client.Assertions[i].JWKSFile, client.Assertions[i].CAFile = "", ""
				}
				c.Clients[id] = client
			}
			v.settings(c)
		}
		for _, e := range v.found {
			if e.File != name || e.Message == "" || strings.ContainsAny(e.Error(), "\r\n") || e.Line < 0 || e.Line > 1+len(text) {
				t.Fatalf("%q: %+v", text, e)
			}
		}
	})
}
