package main

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// exchangeFile holds HTTP messages in the order in which they are sent. A file is prose
// followed by sections, each below a line with its name:
//
//	-- config --             keys over the configuration that all files share
//	-- request --            what the client sends
//	-- upstream request --   what the provider receives; without it, nothing
//	-- upstream response --  what the provider answers; without it, it hangs up
//	-- response --           what the client receives
//	-- metrics --            series that are exposed in the end
//
// The four messages may come again, for several exchanges. They have placeholders of assertions, and
// lack Date, Age and a Retry-After of a thousand seconds or more. Where a body that the test sends has neither
// Content-Length nor chunks, the test adds a Content-Length.
type exchangeFile struct {
	prose     string
	config    string
	exchanges []*exchange
	metrics   string
	signed    placeholders
}

type exchange struct {
	request, upstreamRequest, upstreamResponse, response string
}

var sectionHead = regexp.MustCompile(`(?m)^-- (.*) --\n`)

// readExchangeFile reads an exchange file.
func readExchangeFile(t *testing.T, name string) *exchangeFile {
	t.Helper()
	prose, sections := splitSections(textOf(t, name))
	s := &exchangeFile{prose: prose, signed: placeholders{}}
	for _, section := range sections {
		if err := s.add(section.name, section.text); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if len(s.exchanges) == 0 {
		t.Fatalf("%s has no exchange", name)
	}
	return s
}

type section struct{ name, text string }

// splitSections splits a text into its prose and its sections.
func splitSections(text string) (prose string, sections []section) {
	heads := sectionHead.FindAllStringSubmatchIndex(text, -1)
	if len(heads) == 0 {
		return text, nil
	}
	for i, head := range heads {
		end := len(text)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		sections = append(sections, section{text[head[2]:head[3]], strings.TrimRight(text[head[1]:end], "\n")})
	}
	return text[:heads[0][0]], sections
}

func (s *exchangeFile) add(section, text string) error {
	x := &exchange{}
	if n := len(s.exchanges); n > 0 {
		x = s.exchanges[n-1]
	}
	field, known := map[string]*string{
		"config": &s.config, "metrics": &s.metrics,
		"upstream request": &x.upstreamRequest, "upstream response": &x.upstreamResponse, "response": &x.response,
	}[section]
	switch {
	case section == "request":
		s.exchanges = append(s.exchanges, &exchange{request: text})
		return nil
	case !known || *field != "":
		return fmt.Errorf("section %q is unknown or comes twice", section)
	}
	*field = text
	return nil
}

// write writes the file.
func (s *exchangeFile) write(t *testing.T, name string) {
	t.Helper()
	var b strings.Builder
	b.WriteString(s.prose)
	section := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "-- %s --\n%s\n", name, text)
		}
	}
	section("config", s.config)
	for _, x := range s.exchanges {
		section("request", x.request)
		section("upstream request", x.upstreamRequest)
		section("upstream response", x.upstreamResponse)
		section("response", x.response)
	}
	section("metrics", s.metrics)
	if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// exchangeCanary is used in exchange files as a secret only.
const exchangeCanary = "C4naryBird"

// sensitive matches what must be nowhere but in the messages: the values of these parameters
// and members, Authorization fields, and canaries.
var sensitive = regexp.MustCompile(`(?i)(?:\b(?:client_secret|client_assertion|code|code_verifier|refresh_token|access_token|token|assertion|password|device_code|jti)"?[=:]\s*"?([^&"\s,}]+))|(?:authorization: *\w+ +(\S+))|(` + exchangeCanary + `)`)

// secrets returns the sensitive values in the messages, except short ones, which could be
// anywhere by chance.
func (s *exchangeFile) secrets() []string {
	found := s.signed.secrets()
	for _, x := range s.exchanges {
		for _, message := range []string{x.request, x.upstreamRequest, x.upstreamResponse} {
			for _, m := range sensitive.FindAllStringSubmatch(message, -1) {
				found = append(found, m[1:]...)
				if pair, err := base64.StdEncoding.DecodeString(m[2]); err == nil {
					_, secret, _ := strings.Cut(string(pair), ":")
					found = append(found, secret)
				}
			}
		}
	}
	for _, secret := range found {
		if plain, err := url.QueryUnescape(secret); err == nil {
			found = append(found, plain)
		}
	}
	slices.Sort(found)
	return slices.DeleteFunc(slices.Compact(found), func(v string) bool { return len(v) < 6 })
}
