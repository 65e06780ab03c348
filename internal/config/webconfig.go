package config

import (
	"os"

	"oauthgw/internal/printable"

	"github.com/prometheus/exporter-toolkit/web"
)

// webConfigFile checks a web configuration of exporter-toolkit: the TLS and the basic auth of
// the admin listener.
func (v *validator) webConfigFile(file string) string {
	// web.Validate would wait for the writer of a pipe.
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		v.addf("admin.web_config_file", "%s is not a regular file", file)
		return file
	}
	if err := web.Validate(file); err != nil {
		v.addf("admin.web_config_file", "%s", printable.RedactYAML(err.Error()))
	}
	return file
}
