package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What the page for those in trouble quotes is what is said, and it has an answer
// to every refusal of the gateway.
func TestTroubleshootingQuotesTheSource(t *testing.T) {
	page := pages(t)["docs/troubleshooting.md"]
	quoted := spans(page)
	refusals := descriptions(t)
	if len(refusals) < 30 {
		t.Fatalf("only %d refusals were found in the source", len(refusals))
	}
	for _, text := range refusals {
		if !slices.Contains(quoted, text) {
			t.Errorf("docs/troubleshooting.md has no answer to %q", text)
		}
	}
	said := everythingSaid(t)
	for _, text := range quoted {
		// Commands and syntax are no texts, and have a test elsewhere or none.
		if !strings.Contains(text, " ") || notSaid.MatchString(text) || slices.Contains(saidByOthers, text) {
			continue
		}
		for piece := range strings.SplitSeq(text, "…") {
			if !strings.Contains(said, strings.TrimSpace(piece)) {
				t.Errorf("docs/troubleshooting.md quotes %q, and nobody says %q", text, piece)
			}
		}
	}
}

// notSaid matches commands, and pieces of configurations.
var notSaid = regexp.MustCompile(`^(?:oauthgw|curl|codex|ss|proxy_pass) |^[a-z_.]+: |^Accept-Encoding: `)

// saidByOthers are texts of programs that no test of ours makes say them: browsers,
// clients, Go's libraries and the system.
var saidByOthers = []string{
	"No 'Access-Control-Allow-Origin' header is present",
	"did not match the issuer URL returned by provider",
	"Dynamic client registration not supported", "Registration failed",
	"i/o timeout", "no such host", "connect: permission denied", "permission denied",
	"x509: certificate signed by unknown authority", "certificate has expired or is not yet valid", "certificate is valid for … not …",
}

// descriptions returns what refusals of the gateway say: of each [clientauth.Error]
// in the source, and of wellknown, whose refusals have no reason.
func descriptions(t *testing.T) []string {
	t.Helper()
	var found []string
	for name, text := range sources(t, "*.go") {
		if strings.HasSuffix(name, "_test.go") || strings.Contains(name, "/internal/") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if kind := text[n.Pos()-1 : n.Lbrace-1]; kind == "Error" || kind == "clientauth.Error" {
					found = append(found, sentences(n.Elts)...)
				}
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "refuse" {
					found = append(found, sentences(n.Args)...)
				}
			}
			return true
		})
	}
	return found
}

// sentences returns the texts among expressions that end as sentences do.
func sentences(expressions []ast.Expr) []string {
	var found []string
	for _, e := range expressions {
		if pair, ok := e.(*ast.KeyValueExpr); ok {
			e = pair.Value
		}
		literal, ok := e.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			continue
		}
		if text, err := strconv.Unquote(literal.Value); err == nil && strings.HasSuffix(text, ".") {
			found = append(found, text)
		}
	}
	return found
}

// everythingSaid returns the source of everything that prints what the pages quote: the
// gateway, the provider of the demo, and the tests that run real clients.
func everythingSaid(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for name, text := range sources(t, "*.go") {
		if !strings.HasSuffix(name, "quotes_test.go") {
			all.WriteString(text)
		}
	}
	for _, text := range sources(t, "*.mjs") {
		all.WriteString(text)
	}
	return strings.ReplaceAll(all.String(), `\`, "")
}
