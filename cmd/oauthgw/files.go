package main

import (
	"crypto/sha256"
	"fmt"
	"os"
)

// files returns the files that a configuration is read from: its own and those
// it names.
func (c config) files(s *source) []string {
	var files []string
	for _, name := range []string{s.file, c.Admin.WebConfigFile, c.TLS.CertFile, c.TLS.KeyFile, c.Upstream.CAFile, c.Upstream.CertFile, c.Upstream.KeyFile} {
		if name != "" {
			files = append(files, name)
		}
	}
	return files
}

// fingerprint sums up what the files hold now. One that cannot be read, perhaps
// because it is just being replaced, counts as what the system says of it.
func fingerprint(files []string) string {
	sum := sha256.New()
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			text = []byte(err.Error())
		}
		fmt.Fprintf(sum, "%s %d ", name, len(text))
		_, _ = sum.Write(text) // a hash takes everything
	}
	return string(sum.Sum(nil))
}

// fixedDifferences returns the keys that differ and that a reload cannot change.
func (s settings) fixedDifferences(t settings) []string {
	var keys []string
	if s.listen != t.listen {
		keys = append(keys, "listen")
	}
	if s.adminListen != t.adminListen {
		keys = append(keys, "admin.listen")
	}
	if s.maxConnections != t.maxConnections {
		keys = append(keys, "max_connections")
	}
	if s.webConfigFile != t.webConfigFile {
		keys = append(keys, "admin.web_config_file")
	}
	// Which certificate is shown can change; whether there is one cannot.
	if (s.certificate == nil) != (t.certificate == nil) {
		keys = append(keys, "tls")
	}
	return keys
}
