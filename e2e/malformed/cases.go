package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// attempt is what is sent over one connection.
type attempt struct{ name, octets string }

// readCases reads the corpus and our own requests. What is there twice is tried
// once.
func readCases(corpus, own string) ([]attempt, error) {
	cases, err := readCorpus(corpus)
	if err != nil {
		return nil, err
	}
	ours, err := readOwn(own)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var once []attempt
	for _, c := range append(cases, ours...) {
		if !seen[c.octets] {
			once = append(once, c)
		}
		seen[c.octets] = true
	}
	return once, nil
}

var (
	firstLine = regexp.MustCompile(`^(?:\r\n)?[^\r\n]* HTTP/1\.1\r\n`)
	hasHost   = regexp.MustCompile(`(?i)\nhost *:`)
)

// readCorpus reads requests of llhttp's tests. Their octets are written as the
// code points below 256. Most name no host and would be refused for that alone,
// so they are also tried with one.
func readCorpus(file string) ([]attempt, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the corpus: %w", err)
	}
	var corpus struct {
		Requests []struct{ File, Bytes string }
	}
	if err := json.Unmarshal(text, &corpus); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(corpus.Requests) < 100 {
		return nil, fmt.Errorf("%s holds only %d requests", file, len(corpus.Requests))
	}
	numbers := map[string]int{}
	var cases []attempt
	for _, r := range corpus.Requests {
		numbers[r.File]++
		name := fmt.Sprintf("%s %d", strings.TrimSuffix(r.File, ".md"), numbers[r.File])
		var octets []byte
		for _, c := range r.Bytes {
			octets = append(octets, byte(c))
		}
		cases = append(cases, attempt{name, string(octets)})
		if line := firstLine.FindString(string(octets)); line != "" && !hasHost.Match(octets) {
			cases = append(cases, attempt{name + " with a host", line + "Host: a\r\n" + string(octets[len(line):])})
		}
	}
	return cases, nil
}

// What our own requests are made of. The form is 29 octets long.
const (
	head = "POST /t HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YXBwOnMzY3JldC1DYW5hcnk=\r\nContent-Type: application/x-www-form-urlencoded\r\n"
	form = "code=c0de-Canary&grant_type=x"
	good = head + "Content-Length: 29\r\n\r\n" + form
)

// readOwn reads our own requests, in lines of an abuse row, a name, and Go's
// escapes. Each is tried at an endpoint and elsewhere.
func readOwn(file string) ([]attempt, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	expand := strings.NewReplacer("{head}", head, "{form}", form, "{good}", good)
	var cases []attempt
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		row, rest, _ := strings.Cut(line, " ")
		name, escaped, _ := strings.Cut(rest, " ")
		octets, err := strconv.Unquote(strings.TrimSpace(escaped))
		if err != nil {
			return nil, fmt.Errorf("%s: %s %s: %w", file, row, name, err)
		}
		name, octets = row+" "+name, expand.Replace(octets)
		cases = append(cases, attempt{name, octets}, attempt{name + " elsewhere", strings.ReplaceAll(octets, "POST /t ", "POST /p ")})
	}
	return cases, nil
}
