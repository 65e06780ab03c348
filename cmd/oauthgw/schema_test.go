package main

import (
	"bytes"
	"cmp"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const schemaFile = "../../docs/config.schema.json"

// The schema says what the program does: it is made of the struct that a file is
// read into, its comments, its defaults and what compile refuses.
func TestSchemaIsThatOfTheConfiguration(t *testing.T) {
	d := describer{docs: fieldComments(t), refused: refused()}
	s := d.describe("", "", reflect.ValueOf(defaults()))
	s.Dialect, s.Title = "https://json-schema.org/draft/2020-12/schema", "Configuration of oauthgw"
	var got bytes.Buffer
	if err := writeJSON(&got, s); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(schemaFile); err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("docs/config.schema.json is not that of the configuration (%v); write it with\n"+
			"go test ./cmd/oauthgw -run TestSchema -update", err)
	}
	for _, key := range allKeys(reflect.TypeFor[config](), "") {
		if d.docs[key] == "" {
			t.Errorf("%s has no comment in config.go, so the schema has no description of it", key)
		}
	}
}

// schema is a JSON Schema, draft 2020-12, as far as a configuration needs one.
type schema struct {
	Dialect     string             `json:"$schema,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        any                `json:"type,omitempty"` // a name or several; nil: any
	Enum        []string           `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Default     any                `json:"default,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Additional  any                `json:"additionalProperties,omitempty"` // false or a schema
	Items       *schema            `json:"items,omitempty"`
}

// describer describes a configuration by what the program itself says of it.
type describer struct {
	docs map[string]string // by key
	// refused holds what compile says of a configuration of words that mean
	// nothing, and of one in which everything is left out, by key.
	refused struct{ nonsense, absent map[string]mistake }
}

// anyName stands for the names that an operator gives, of clients for example.
const anyName = "*"

// describe describes a value whose default is given. Its own key is the last
// word of the whole key.
func (d describer) describe(key, doc string, value reflect.Value) *schema {
	s := &schema{Description: doc}
	_, mandatory := d.refused.absent[key]
	switch t := value.Type(); {
	case t == reflect.TypeFor[time.Duration]():
		s.Type, s.Pattern, s.Default = "string", `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`, shortest(value.Interface().(time.Duration))
	case t.Kind() == reflect.Struct:
		s.Type, s.Additional, s.Properties = []string{"object", "null"}, false, d.properties(s, key, value)
	case t.Kind() == reflect.Map:
		s.Type, s.Default = []string{"object", "null"}, map[string]any{}
		d.names(s, key, reflect.Zero(t.Elem()))
	case t.Kind() == reflect.Slice:
		s.Type, s.Default, s.Items = []string{"array", "null"}, []any{}, d.describe(key+".", "", reflect.Zero(t.Elem()))
	case t.Kind() == reflect.Interface:
	default:
		s.Type = map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Int: "integer"}[t.Kind()]
		s.Enum = d.refused.nonsense[key].Allowed
		if !mandatory {
			s.Default = value.Interface()
		}
	}
	if doc == "" { // an element, or what a name stands for
		s.Default = nil
	}
	return s
}

// properties describes the keys of a section. What is missing from a section of
// a name that an operator gives is required: nothing else can give it.
func (d describer) properties(s *schema, section string, value reflect.Value) map[string]*schema {
	out := map[string]*schema{}
	for f, v := range value.Fields() {
		name := f.Tag.Get("yaml")
		key := strings.TrimPrefix(section+"."+name, ".")
		out[name] = d.describe(key, d.docs[strings.ReplaceAll(key, "."+anyName, "")], v)
		if _, mandatory := d.refused.absent[key]; mandatory && strings.Contains(key, anyName) {
			s.Required = append(s.Required, name)
		}
	}
	return out
}

// names describes what is held by names: by those that compile allows, or by
// any.
func (d describer) names(s *schema, key string, element reflect.Value) {
	within := key + "." + anyName
	names := d.refused.nonsense[within].Allowed
	if names == nil {
		s.Additional = d.describe(within, "", element)
		return
	}
	s.Additional, s.Properties = false, map[string]*schema{}
	for _, name := range names {
		s.Properties[name] = d.describe(key+"."+name, "", element)
	}
}

// shortest writes a duration without the parts that are zero.
func shortest(d time.Duration) string {
	text := d.String()
	for _, pair := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, pair) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// refused asks compile what it refuses.
func refused() struct{ nonsense, absent map[string]mistake } {
	byKey := func(c config) map[string]mistake {
		found := map[string]mistake{}
		_, mistakes := c.compile(&source{})
		for _, m := range slices.Backward(mistakes) {
			found[m.Key] = m
		}
		return found
	}
	nonsense, absent := defaults(), defaults()
	fill(reflect.ValueOf(&nonsense).Elem(), "?")
	fill(reflect.ValueOf(&absent).Elem(), "")
	return struct{ nonsense, absent map[string]mistake }{byKey(nonsense), byKey(absent)}
}

// fill puts a word wherever a text can be, and one name into each map. The empty
// word leaves defaults.
func fill(v reflect.Value, word string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(cmp.Or(word, v.String()))
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(field, word)
		}
	case reflect.Map:
		element := reflect.New(v.Type().Elem()).Elem()
		fill(element, word)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf(anyName), element)
	}
}
