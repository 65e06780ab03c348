package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// fieldComments returns the comments of the configuration's fields by their keys.
// One that names several fields is that of each.
func fieldComments(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]*ast.StructType{}
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok {
			if s, ok := spec.Type.(*ast.StructType); ok {
				types[spec.Name.Name] = s
			}
		}
		return true
	})
	c := commentReader{types: types, docs: map[string]string{}}
	c.read("", types["config"])
	return c.docs
}

type commentReader struct {
	types map[string]*ast.StructType
	docs  map[string]string
}

var leadingNames = regexp.MustCompile(`^(\w+)(?: and (\w+))? `)

func (c commentReader) read(section string, s *ast.StructType) {
	keys := map[string]string{} // by field
	for _, f := range s.Fields.List {
		keys[f.Names[0].Name] = keyOfField(f)
	}
	var above string
	for _, f := range s.Fields.List {
		doc := strings.Join(strings.Fields(f.Doc.Text()), " ")
		if names := leadingNames.FindStringSubmatch(above); doc == "" && names != nil && names[2] == f.Names[0].Name {
			doc = above
		}
		above = doc
		key := strings.TrimPrefix(section+"."+keyOfField(f), ".")
		c.docs[key] = inKeys(doc, keys)
		c.read(key, c.within(f.Type))
	}
}

// within returns the section that a field, or a map of sections, holds. One
// without fields means none.
func (c commentReader) within(t ast.Expr) *ast.StructType {
	switch t := t.(type) {
	case *ast.StructType:
		return t
	case *ast.MapType:
		return c.within(t.Value)
	case *ast.Ident:
		if s := c.types[t.Name]; s != nil {
			return s
		}
	}
	return &ast.StructType{Fields: &ast.FieldList{}}
}

// inKeys puts keys in the place of the fields that a comment begins with.
func inKeys(doc string, keys map[string]string) string {
	names := leadingNames.FindStringSubmatch(doc)
	for _, name := range names[min(1, len(names)):] {
		if key := keys[name]; key != "" {
			doc = strings.Replace(doc, name, key, 1)
		}
	}
	return doc
}

func keyOfField(f *ast.Field) string {
	tag, _ := strconv.Unquote(f.Tag.Value) // the file compiles
	return reflect.StructTag(tag).Get("yaml")
}
