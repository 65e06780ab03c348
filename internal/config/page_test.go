package config_test

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"oauthgw/internal/config"

	"gopkg.in/yaml.v3"
)

var (
	keyHeading  = regexp.MustCompile("(?m)^### `(.*)`$")
	yamlExample = regexp.MustCompile("(?s)```yaml\n(.*?)```")
)

// TestConfigurationPage compares docs/configuration.md with the program: each key has one
// entry with its type, its default, whether a reload applies it, and a valid example.
func TestConfigurationPage(t *testing.T) {
	page := textOf(t, "../../docs/configuration.md")
	var example yaml.Node
	if err := yaml.Unmarshal([]byte(textOf(t, "../../config.example.yaml")), &example); err != nil {
		t.Fatal(err)
	}
	var documented, keys []string
	entries := map[string]string{}
	headings := keyHeading.FindAllStringSubmatchIndex(page, -1)
	for i, at := range headings {
		end := len(page)
		if i+1 < len(headings) {
			end = headings[i+1][0]
		}
		key := page[at[2]:at[3]]
		documented, entries[key] = append(documented, key), page[at[1]:end]
	}
	walkKeys("", example.Content[0], reflect.ValueOf(config.Default()), func(key string, shown *yaml.Node, value reflect.Value) {
		keys = append(keys, key)
		want := "\n\n" + typeOf(key, value) + " " + defaultOf(key, shown) + " " + reloadOf(t, key) + "\n"
		if !strings.HasPrefix(entries[key], want) {
			t.Errorf("the entry of %s begins with\n%.150s\nwant%s", key, entries[key], want)
		}
		expectExample(t, key, entries[key])
	})
	slices.Sort(documented)
	if slices.Sort(keys); !slices.Equal(documented, keys) {
		t.Errorf("the page has the keys\n%q, the program has\n%q", documented, keys)
	}
}

// walkKeys visits each key that is not a section, with its value in the example.
func walkKeys(section string, node *yaml.Node, value reflect.Value, visit func(string, *yaml.Node, reflect.Value)) {
	for f, v := range value.Fields() {
		name := f.Tag.Get("yaml")
		i := slices.IndexFunc(node.Content, func(n *yaml.Node) bool { return n.Value == name })
		key := strings.TrimPrefix(section+"."+name, ".")
		if v.Kind() == reflect.Struct {
			walkKeys(key, node.Content[i+1], v, visit)
		} else {
			visit(key, node.Content[i+1], v)
		}
	}
}

func typeOf(key string, value reflect.Value) string {
	if words := allowedWords(key); words != nil && value.Kind() == reflect.String {
		return "Type: one of `" + strings.Join(words, "`, `") + "`."
	}
	return "Type: " + map[reflect.Kind]string{
		reflect.String: "text", reflect.Bool: "true or false", reflect.Int: "whole number", reflect.Int64: "duration",
		reflect.Slice: "list", reflect.Map: "map",
	}[value.Kind()] + "."
}

func defaultOf(key string, shown *yaml.Node) string {
	switch {
	case key == "upstream.url":
		return "Default: none, required."
	case shown.Value == "":
		return "Default: empty."
	}
	return "Default: `" + shown.Value + "`."
}

// reloadOf says whether a reload applies a change of a key, between no value and one, and
// between two.
func reloadOf(t *testing.T, key string) string {
	restarts := func(from, to int) bool {
		found := settingsWith(key, from).RestartRequired(settingsWith(key, to))
		if len(found) > 0 && !slices.Equal(found, []string{key}) && !strings.HasPrefix(key, found[0]+".") {
			t.Errorf("a change of %s is reported as %q", key, found)
		}
		return len(found) > 0
	}
	switch adding, changing := restarts(0, 1), restarts(1, 2); {
	case adding && changing:
		return "Reload: needs a restart."
	case adding:
		return "Reload: yes; adding or removing it needs a restart."
	case changing:
		t.Errorf("a change of %s needs a restart, but adding it does not", key)
	}
	return "Reload: yes."
}

// settingsWith returns the default settings with one of three values of a key.
func settingsWith(key string, n int) config.Settings {
	c := config.Default()
	at := reflect.ValueOf(&c).Elem()
	for name := range strings.SplitSeq(key, ".") {
		for f, v := range at.Fields() {
			if f.Tag.Get("yaml") == name {
				at = v
				break
			}
		}
	}
	switch at.Kind() {
	case reflect.String:
		at.SetString(strings.Repeat("x", n))
	case reflect.Bool:
		at.SetBool(n%2 == 1)
	case reflect.Int, reflect.Int64:
		at.SetInt(int64(n) + 1)
	case reflect.Slice:
		at.Set(reflect.MakeSlice(at.Type(), n, n))
	case reflect.Map:
		if n > 0 {
			at.Set(reflect.MakeMap(at.Type()))
		}
	}
	s, _ := c.Validate() // most values are invalid
	return s
}

// expectExample checks that an entry has an example that sets its key and is valid.
func expectExample(t *testing.T, key, entry string) {
	t.Helper()
	block := yamlExample.FindStringSubmatch(entry)
	if block == nil {
		t.Errorf("%s has no example", key)
		return
	}
	var value any = validExample(t, "the example of "+key, block[1])
	for name := range strings.SplitSeq(key, ".") {
		section, _ := value.(map[string]any)
		if value = section[name]; value == nil {
			t.Errorf("the example of %s does not set it:\n%s", key, block[1])
			return
		}
	}
}

// validExample checks that a text is a valid configuration, perhaps but for upstream.url, and returns
// its members. The files that it names do not exist.
func validExample(t *testing.T, name, text string) map[string]any {
	t.Helper()
	c, members := config.Default(), map[string]any{}
	c.Upstream.URL = "http://127.0.0.1:3000"
	if err := yaml.Unmarshal([]byte(text), &members); err != nil || yaml.Unmarshal([]byte(text), &c) != nil {
		t.Errorf("%s is not a configuration: %v", name, err)
	}
	if _, err := c.Validate(); err != nil {
		for line := range strings.Lines(err.Error()) {
			if !strings.Contains(line, "no such file or directory") {
				t.Errorf("%s: %s", name, line)
			}
		}
	}
	return members
}

// TestAgentsPage checks that the examples of docs/agents.md are valid.
func TestAgentsPage(t *testing.T) {
	blocks := yamlExample.FindAllStringSubmatch(textOf(t, "../../docs/agents.md"), -1)
	for _, block := range blocks {
		validExample(t, block[1], block[1])
	}
	if len(blocks) == 0 {
		t.Error("the page has no examples")
	}
}
