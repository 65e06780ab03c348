package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"oauthgw/internal/config"

	"gopkg.in/yaml.v3"
)

var update = flag.Bool("update", false, "write docs/config.schema.json and the chart's values.schema.json")

func textOf(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSchema compares docs/config.schema.json with the keys, types and allowed words of the
// program and the comments of config.example.yaml. It checks that the example has every key
// with its default.
func TestSchema(t *testing.T) {
	var example yaml.Node
	if err := yaml.Unmarshal([]byte(textOf(t, "../../config.example.yaml")), &example); err != nil {
		t.Fatal(err)
	}
	schema := schemaWriter{t}.describe("", example.Content[0], reflect.ValueOf(config.Default()))
	schema["$schema"], schema["title"] = "https://json-schema.org/draft/2020-12/schema", "Configuration of oauthgw"
	compareSchema(t, "../../docs/config.schema.json", schema)
	// The chart's schema of its values contains this one.
	const chart = "../../deploy/helm/oauthgw/values.schema.json"
	var values map[string]any
	if err := json.Unmarshal([]byte(textOf(t, chart)), &values); err != nil {
		t.Fatal(err)
	}
	delete(schema, "$schema")
	delete(schema, "title")
	values["$defs"] = map[string]any{"config": schema}
	compareSchema(t, chart, values)
}

// compareSchema compares a file with the schema, or writes it with -update.
func compareSchema(t *testing.T, name string, schema map[string]any) {
	t.Helper()
	var got bytes.Buffer
	e := json.NewEncoder(&got)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(schema); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(name, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if textOf(t, name) != got.String() {
		t.Errorf("%s is out of date; run go test ./internal/config -run TestSchema -update", name)
	}
}

var jsonTypes = map[reflect.Kind]any{
	reflect.Struct: []string{"object", "null"}, reflect.Map: []string{"object", "null"}, reflect.Slice: []string{"array", "null"},
	reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer", reflect.Int64: "string",
}

type schemaWriter struct{ *testing.T }

// describe returns the schema of a value. The node is the example's value. An element of a
// list or a map has none, and is named x in the key.
func (s schemaWriter) describe(key string, node *yaml.Node, value reflect.Value) map[string]any {
	out := map[string]any{"type": jsonTypes[value.Kind()]}
	switch value.Kind() {
	case reflect.Struct:
		properties := map[string]any{}
		for f, v := range value.Fields() {
			name := f.Tag.Get("yaml")
			properties[name] = s.property(strings.TrimPrefix(key+"."+name, "."), name, node, v)
		}
		out["properties"], out["additionalProperties"] = properties, false
	case reflect.Map:
		element := s.describe(key+".x", nil, reflect.Zero(value.Type().Elem()))
		if names := element["enum"]; names != nil { // of the endpoints
			out["propertyNames"] = map[string]any{"enum": names}
			delete(element, "enum")
		}
		out["additionalProperties"] = element
	case reflect.Slice:
		out["items"] = s.describe(key+".x", nil, reflect.Zero(value.Type().Elem()))
	case reflect.Int64:
		out["pattern"] = `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`
	case reflect.Interface:
		delete(out, "type") // it may be any
	case reflect.String:
		if words := allowedWords(key); words != nil {
			out["enum"] = words
		}
	}
	return out
}

// property returns the schema of a key in a section of the example.
func (s schemaWriter) property(key, name string, section *yaml.Node, value reflect.Value) map[string]any {
	if section == nil {
		return s.describe(key, nil, value)
	}
	i := slices.IndexFunc(section.Content, func(n *yaml.Node) bool { return n.Value == name })
	if i < 0 {
		s.Fatalf("config.example.yaml lacks %s", key)
	}
	node := section.Content[i+1]
	out := s.describe(key, node, value)
	out["description"] = strings.Join(strings.Fields(strings.ReplaceAll(section.Content[i].HeadComment, "#", "")), " ")
	if out["description"] == "" {
		s.Errorf("config.example.yaml does not explain %s", key)
	}
	if value.Kind() == reflect.Struct || key == "upstream.url" {
		return out
	}
	got, shown := reflect.New(value.Type()), any(nil)
	if err := node.Decode(got.Interface()); err != nil || node.Decode(&shown) != nil || fmt.Sprint(got.Elem()) != fmt.Sprint(value) {
		s.Errorf("config.example.yaml: %s is %v, its default %v", key, shown, value)
	}
	out["default"] = shown
	return out
}

// allowedWords returns the words that validation names when the key has another.
func allowedWords(key string) []string {
	c := config.Default()
	text := "\"?\""
	for _, word := range slices.Backward(strings.Split(key, ".")) {
		text = "{" + strconv.Quote(word) + ": " + text + "}"
	}
	_ = yaml.Unmarshal([]byte(text), &c) // an element of a list is no key
	_, err := c.Validate()
	var invalid config.Errors
	_ = errors.As(err, &invalid)
	for _, e := range invalid {
		if e.Key == key && e.Allowed != nil {
			return e.Allowed
		}
	}
	return nil
}
