package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// config is the configuration file as it is written: the fields are its keys.
// Every key has a default; config.example.yaml shows them all.
type config struct {
	// Listen is the address that clients reach, host:port.
	Listen string `yaml:"listen"`
	// PublicURL is the origin that clients use. Empty means the one that the
	// provider's metadata names.
	PublicURL string `yaml:"public_url"`
	Admin     struct {
		// Listen is the address of metrics and health, host:port.
		Listen string `yaml:"listen"`
	} `yaml:"admin"`
	Upstream struct {
		// URL is the provider's origin. The one key without which nothing works.
		URL string `yaml:"url"`
		// Issuer is the provider's issuer identifier: metadata that names another
		// is not served, and its path tells where metadata is. Empty means any, at
		// the root.
		Issuer string `yaml:"issuer"`
		// CAFile holds the certificates, in PEM, that vouch for the provider.
		// Empty means those of the system.
		CAFile string `yaml:"ca_file"`
		// Timeout bounds a request to a fronted endpoint.
		Timeout time.Duration `yaml:"timeout"`
		// InsecurePlaintext allows plain http to another host than this one.
		InsecurePlaintext bool `yaml:"insecure_plaintext"`
	} `yaml:"upstream"`
	// Endpoints are the paths of the fronted endpoints by name. Empty means
	// those that the provider's metadata names.
	Endpoints map[string]string `yaml:"endpoints"`
	// Passthrough carries every other path to the provider as it is.
	Passthrough bool `yaml:"passthrough"`
	ClientAuth  struct {
		// BasicDecoding is auto, form or raw.
		BasicDecoding string `yaml:"basic_decoding"`
		// Conflict is differing, any or report.
		Conflict string `yaml:"conflict"`
		// Challenge is always or basic.
		Challenge string `yaml:"challenge"`
		// InsecureQueryCredentials accepts client secrets in the request URI.
		InsecureQueryCredentials bool `yaml:"insecure_query_credentials"`
		// Realm is the realm of challenges. Empty means the issuer.
		Realm string `yaml:"realm"`
		// Clients holds what differs for single clients, by client_id.
		Clients map[string]clientConfig `yaml:"clients"`
	} `yaml:"client_auth"`
	Registration struct {
		// Translate restates client_secret_basic as client_secret_post for a
		// provider that records the method of each client.
		Translate bool `yaml:"translate"`
		// ClientConfiguration is the path below which clients manage their
		// registration (RFC 7592). Empty means that it is learnt from what the
		// provider answers to those who register.
		ClientConfiguration string `yaml:"client_configuration"`
	} `yaml:"registration"`
	Metadata struct {
		// Issuer is preserve or rewrite.
		Issuer string `yaml:"issuer"`
		// TTL is how long a document is served without asking the provider.
		TTL time.Duration `yaml:"ttl"`
		// StaleFor is how long beyond that it is served while the provider fails.
		StaleFor time.Duration `yaml:"stale_for"`
		// Entries bounds the number of documents kept.
		Entries int `yaml:"entries"`
		// Patch corrects what the provider's metadata gets wrong.
		Patch patchConfig `yaml:"patch"`
	} `yaml:"metadata"`
	CORS struct {
		// AllowedOrigins are the origins whose pages may read the answers of the
		// fronted endpoints and the metadata. Empty means none.
		AllowedOrigins []string `yaml:"allowed_origins"`
	} `yaml:"cors"`
	Log struct {
		// Level is debug, info, warn or error.
		Level string `yaml:"level"`
		// Format is json or text.
		Format string `yaml:"format"`
	} `yaml:"log"`
}

type clientConfig struct {
	BasicDecoding string `yaml:"basic_decoding"`
}

// patchConfig corrects members of the provider's metadata, by their names.
type patchConfig struct {
	// Set gives members a value.
	Set map[string]any `yaml:"set"`
	// Remove leaves members out.
	Remove []string `yaml:"remove"`
	// Add puts elements that are missing at the end of lists.
	Add map[string][]any `yaml:"add"`
}

// defaults returns the configuration of an empty file.
func defaults() config {
	var c config
	c.Listen = "127.0.0.1:8080"
	c.Admin.Listen = "127.0.0.1:9090"
	c.Upstream.Timeout = 15 * time.Second
	c.Passthrough = true
	c.ClientAuth.BasicDecoding = "auto"
	c.ClientAuth.Conflict = "differing"
	c.ClientAuth.Challenge = "always"
	c.Registration.Translate = true
	c.Metadata.Issuer = "preserve"
	c.Metadata.TTL = time.Minute
	c.Metadata.StaleFor = 24 * time.Hour
	c.Metadata.Entries = 128
	c.Log.Level = "info"
	c.Log.Format = "json"
	return c
}

// source is where a configuration came from, for telling where a mistake is.
type source struct {
	file  string
	root  yaml.Node
	flags map[string]bool // the keys that flags gave
}

// mistakes collects what is wrong with a configuration, so that all of it is
// told at once.
type mistakes struct {
	source *source
	found  []error
}

// add records what is wrong with a key, such as upstream.url.
func (m *mistakes) add(key, format string, args ...any) {
	m.found = append(m.found, fmt.Errorf("%s: "+format, append([]any{m.source.locate(key)}, args...)...))
}

// locate says where a key was given: by a flag, in a line of the file, or
// nowhere, which is the file as a whole.
func (s *source) locate(key string) string {
	if s.flags[key] {
		return "--" + key
	}
	if s.file == "" {
		return key
	}
	if line := lineOf(&s.root, strings.Split(key, ".")); line > 0 {
		return fmt.Sprintf("%s:%d: %s", s.file, line, key)
	}
	return fmt.Sprintf("%s: %s", s.file, key)
}

// lineOf returns the line of a key, or of the innermost key around it that is
// there. Zero means that not even the outermost is.
func lineOf(n *yaml.Node, keys []string) int {
	if n.Kind == yaml.DocumentNode && len(n.Content) > 0 {
		n = n.Content[0]
	}
	if n.Kind != yaml.MappingNode || len(keys) == 0 {
		return 0
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		// A key may hold dots itself, so that it takes several of the words.
		for taken := 1; taken <= len(keys); taken++ {
			if n.Content[i].Value == strings.Join(keys[:taken], ".") {
				return max(n.Content[i].Line, lineOf(n.Content[i+1], keys[taken:]))
			}
		}
	}
	return 0
}

// readConfig reads a file over the defaults. It returns what could be read
// beside the mistakes, so that the rest can be judged as well. Without a source
// too little could be read for that.
func readConfig(name string) (config, *source, []error) {
	c, s := defaults(), &source{file: name}
	if name == "" {
		return c, s, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return c, nil, []error{err}
	}
	if err := yaml.Unmarshal(text, &s.root); err != nil {
		return c, nil, inFile(name, err)
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil && err != io.EOF {
		// The library leaves out the whole section in which a key is repeated.
		if strings.Contains(err.Error(), "already defined") {
			s = nil
		}
		return c, s, inFile(name, err)
	}
	if err := d.Decode(&yaml.Node{}); err != io.EOF {
		return c, nil, []error{fmt.Errorf("%s: the file holds more than one document", name)}
	}
	return c, s, nil
}

// inFile puts the errors of the YAML library into the form FILE:LINE: reason.
func inFile(name string, err error) []error {
	lines := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	if several := new(yaml.TypeError); errors.As(err, &several) {
		lines = several.Errors
	}
	var found []error
	for _, text := range lines {
		text = unknownKey.ReplaceAllString(text, "unknown key $1")
		if m := lineNumber.FindStringSubmatch(text); m != nil {
			text = m[1] + ": " + m[2]
		} else {
			text = " " + text
		}
		found = append(found, fmt.Errorf("%s:%s", name, text))
	}
	return found
}

var (
	lineNumber = regexp.MustCompile(`(?s)^line (\d+): (.*)$`)
	unknownKey = regexp.MustCompile(`(?s)field (\S+) not found in type .*$`)
)
