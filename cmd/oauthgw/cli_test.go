package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/legacy"
)

const cliPage = "../../docs/cli.md"

var (
	console      = regexp.MustCompile("(?ms)^```console\n(.*?)^```$")
	promptLine   = regexp.MustCompile(`(?m)^\$ `)
	exitCodeRow  = regexp.MustCompile(`(?m)^\| (\d+) \|`)
	freePort     = regexp.MustCompile(`127\.0\.0\.1:[0-9]{5}`)
	flagOfPage   = regexp.MustCompile(`--[a-z][a-z.-]*`)
	flagOfUsage  = regexp.MustCompile(`(?m)^  (--[a-z.-]+)`)
	commandRow   = regexp.MustCompile("(?m)^## ([a-z]+)$")
	changingText = []struct {
		pattern     *regexp.Regexp
		replacement string
	}{ // what differs from run to run, and what the page shows
		{regexp.MustCompile(`oauthgw \S+ \(revision \S+, go\S+\)`), "oauthgw v0.1.0 (revision 1f2e3d4c, go1.27.0)"},
		{regexp.MustCompile(`/(callback|codex)/[\w-]{12}`), "/${1}/EL3FpU2s_bzX"},
		{regexp.MustCompile(`(?m)\d+ s ago$`), "3600 s ago"},
		{regexp.MustCompile(`time("?[:=]"?)[0-9TZ:.+-]+`), "time${1}2026-12-01T08:00:00.000Z"},
	}
)

// TestCommandLinePage runs the commands in docs/cli.md and compares what they print and their
// exit codes with the page. A command line is followed by its output. cat shows a file that
// later commands read.
func TestCommandLinePage(t *testing.T) {
	page := textOf(t, cliPage)
	provider := startDocumentedProvider(t)
	directory := t.TempDir()
	back, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(directory)
	codes := map[string]bool{}
	updated := console.ReplaceAllStringFunc(page, func(block string) string {
		m := console.FindStringSubmatch(block)
		code, text := 0, ""
		for _, step := range promptLine.Split(m[1], -1)[1:] {
			line, output, _ := strings.Cut(step, "\n")
			words := strings.Fields(line)
			switch words[0] {
			case "cat":
				writeFile(t, words[1], strings.ReplaceAll(output, "http://127.0.0.1:3000", provider))
			case "echo":
				output = strconv.Itoa(code) + "\n"
				codes[strconv.Itoa(code)] = true
			default:
				output, code = runDocumented(t, provider, words[1:])
			}
			text += "$ " + line + "\n" + output
		}
		if text != m[1] && !*update {
			t.Errorf("the page shows (-update rewrites it)\n%s\nthe program prints\n%s", m[1], text)
		}
		return "```console\n" + text + "```"
	})
	t.Chdir(back)
	if *update {
		writeFile(t, cliPage, updated)
	}
	var documented []string
	for _, m := range exitCodeRow.FindAllStringSubmatch(page, -1) {
		documented = append(documented, m[1])
	}
	for _, code := range documented {
		delete(codes, code)
	}
	if !slices.Equal(documented, []string{"0", "1", "2"}) || len(codes) > 0 {
		t.Errorf("the page has a row for the exit codes %q, the program also ends with %v", documented, codes)
	}
}

// startDocumentedProvider starts a provider that names itself in its metadata.
func startDocumentedProvider(t *testing.T) string {
	var issuer string
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		legacy.New(legacy.Config{PublicURL: issuer}).ServeHTTP(w, r)
	}))
	t.Cleanup(provider.Close)
	issuer = provider.URL
	return issuer
}

// runDocumented runs a command line and returns what it prints as the page shows it, and its
// exit code. Standard input may be redirected.
func runDocumented(t *testing.T, provider string, words []string) (string, int) {
	t.Helper()
	stdin := strings.NewReader("")
	if i := slices.Index(words, "<"); i >= 0 {
		stdin, words = strings.NewReader(textOf(t, words[i+1])), words[:i]
	}
	args := strings.Split(strings.ReplaceAll(strings.Join(words, " "), "http://127.0.0.1:3000", provider), " ")
	if len(words) == 0 {
		args = nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var printed syncBuffer
	code := exitCode(run(ctx, args, stdin, &printed, &printed), &printed)
	text, ports := printed.String(), map[string]string{}
	for _, c := range changingText {
		text = c.pattern.ReplaceAllString(text, c.replacement)
	}
	return freePort.ReplaceAllStringFunc(text, func(address string) string {
		if ports[address] == "" {
			ports[address] = []string{"127.0.0.1:3000", "127.0.0.1:8080"}[len(ports)] // the provider first
		}
		return ports[address]
	}), code
}

// TestCommandsAndFlagsOnPage checks that the page has a section with the usage of every
// command, and names no other command or flag.
func TestCommandsAndFlagsOnPage(t *testing.T) {
	page := textOf(t, cliPage)
	var names, sections []string
	flags := []string{"--help", "--version"}
	for _, c := range commands() {
		names = append(names, c.name)
		usage, _, _ := invoke(t, "help", c.name)
		for _, m := range flagOfUsage.FindAllStringSubmatch(usage, -1) {
			flags = append(flags, m[1])
		}
		if !strings.Contains(page, "$ oauthgw help "+c.name+"\n") {
			t.Errorf("%s lacks the usage of %s", filepath.Base(cliPage), c.name)
		}
	}
	for _, m := range commandRow.FindAllStringSubmatch(page, -1) {
		sections = append(sections, m[1])
	}
	if !slices.Equal(sections, names) {
		t.Errorf("the page has sections for %q, the commands are %q", sections, names)
	}
	for _, name := range flagOfPage.FindAllString(page, -1) {
		if !slices.Contains(flags, name) && name != "--flag" && name != "--ofline" {
			t.Errorf("the page names the flag %s, which no command has", name)
		}
	}
}
