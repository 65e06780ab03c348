package config

import (
	"oauthgw/internal/printable"
	"os"

	"github.com/prometheus/exporter-toolkit/web"
)

// webConfigFile judges a web configuration: the TLS and the basic auth of the
// admin listener, in the format that the exporters of Prometheus share.
func (m *validator) webConfigFile(file string) string {
	// The library would wait for whoever writes into a pipe.
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		m.addf("admin.web_config_file", "%s is no regular file", file)
		return file
	}
	if err := web.Validate(file); err != nil {
		m.addf("admin.web_config_file", "%s", printable.RedactYAML(err.Error()))
	}
	return file
}
