package main

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// pages reads the documentation, by its place below the top.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{"README.md", "docs/*.md", "deploy/*/*.md"} {
		names, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil || len(names) == 0 {
			t.Fatalf("no page is %s: %v", pattern, err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			found[strings.TrimPrefix(filepath.ToSlash(name), "../../")] = string(text)
		}
	}
	return found
}

var (
	fence   = regexp.MustCompile("(?ms)^( *)```.*?^ *```$")
	span    = regexp.MustCompile("`([^`]+)`")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// prose returns a page without what stands between fences.
func prose(page string) string { return fence.ReplaceAllString(page, "") }

// spans returns what a page shows as code within its prose, on one line each.
func spans(page string) []string {
	var found []string
	for _, m := range span.FindAllStringSubmatch(prose(page), -1) {
		found = append(found, strings.Join(strings.Fields(m[1]), " "))
	}
	return found
}

func TestLinksLeadSomewhere(t *testing.T) {
	all := pages(t)
	for name, page := range all {
		for _, m := range link.FindAllStringSubmatch(prose(page), -1) {
			target, fragment, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			file := name
			if target != "" {
				file = filepath.ToSlash(filepath.Join(filepath.Dir(name), target))
			}
			if _, err := os.Stat(filepath.Join("../..", file)); err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
			} else if fragment != "" && !slices.Contains(anchors(all[file]), fragment) {
				t.Errorf("%s links to %s, and no heading there is #%s", name, m[1], fragment)
			}
		}
	}
}

// anchors returns the fragments under which GitHub has the headings of a page.
func anchors(page string) []string {
	var found []string
	for _, m := range heading.FindAllStringSubmatch(prose(page), -1) {
		found = append(found, strings.Map(func(c rune) rune {
			switch {
			case c == ' ':
				return '-'
			case c == '-' || c == '_' || unicode.IsLetter(c) || unicode.IsDigit(c):
				return unicode.ToLower(c)
			}
			return -1
		}, m[1]))
	}
	return found
}

// A key of the configuration that a page names is one.
func TestKeysInPagesExist(t *testing.T) {
	keys := allKeys(reflect.TypeFor[config](), "")
	named := regexp.MustCompile(`^([a-z_]+(?:\.[a-z_]+)+)(?::.*)?$`)
	count := 0
	for name, page := range pages(t) {
		for _, text := range spans(page) {
			m := named.FindStringSubmatch(text)
			if m == nil || !slices.Contains(keys, strings.Split(m[1], ".")[0]) {
				continue
			}
			count++
			if !slices.ContainsFunc(keys, func(key string) bool { return m[1] == key || isOpen(key) && strings.HasPrefix(m[1], key+".") }) {
				t.Errorf("%s names the key %s, which is none", name, m[1])
			}
		}
	}
	if count < 50 {
		t.Errorf("only %d keys were found in the pages", count)
	}
}

// isOpen reports whether a section holds names of the operator's choice.
func isOpen(key string) bool {
	return slices.Contains([]string{"endpoints", "client_auth.clients", "metadata.patch.set"}, key)
}

// A configuration that a page shows is one: what its first key says is ours is
// read to its end.
func TestConfigurationsInPagesAreRead(t *testing.T) {
	keys := allKeys(reflect.TypeFor[config](), "")
	count := 0
	for name, page := range pages(t) {
		for _, m := range regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(page, -1) {
			if first, _, _ := strings.Cut(m[1], ":"); !slices.Contains(keys, first) {
				continue
			}
			count++
			file := filepath.Join(t.TempDir(), "oauthgw.yaml")
			if err := os.WriteFile(file, []byte(m[1]), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, _, mistakes := readConfig(file); len(mistakes) > 0 {
				t.Errorf("%s shows\n%s%v", name, m[1], mistakes)
			}
		}
	}
	if count < 5 {
		t.Errorf("only %d configurations were found in the pages", count)
	}
}

// The tests that the security page relies on are there.
func TestTestsInPagesExist(t *testing.T) {
	named := regexp.MustCompile(`^(?:(?:Test|Fuzz)[A-Z]\w+|[a-z0-9-]+\.txt|[a-z0-9-]+\.bad\.yaml)$`)
	source := strings.Join(slices.Collect(maps.Values(sources(t, "*_test.go"))), "\n")
	for _, text := range spans(pages(t)["docs/security.md"]) {
		if !named.MatchString(text) || strings.Contains(source, "\nfunc "+text+"(t *testing.T) {") || strings.Contains(source, "\nfunc "+text+"(f *testing.F) {") {
			continue
		}
		found, _ := filepath.Glob("testdata/*/" + text)
		if len(found) == 0 {
			t.Errorf("docs/security.md relies on %s, which is not there", text)
		}
	}
}

// sources returns the files of the repository whose names match, without what
// is built or installed there.
func sources(t *testing.T, pattern string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir("../..", func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != "../.." && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".")) {
			return filepath.SkipDir
		}
		if ok, _ := filepath.Match(pattern, d.Name()); !ok || d.IsDir() {
			return nil
		}
		text, err := os.ReadFile(name)
		found[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
