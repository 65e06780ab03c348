package printable

import (
	"regexp"
	"strings"
)

var yamlValue = regexp.MustCompile("`[^`]*`")

// RedactYAML returns a text that may quote an error of the YAML library, on one line and
// without the values that the error quotes. A value in the wrong place may be a secret.
func RedactYAML(text string) string {
	return strings.Join(strings.Fields(yamlValue.ReplaceAllString(text, "[value]")), " ")
}
