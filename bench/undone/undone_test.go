package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The list is of what is there: make undone takes minutes, and is not asked of
// every change.
func TestListIsOfWhatIsThere(t *testing.T) {
	defences, err := parse(list)
	if err != nil || len(defences) == 0 {
		t.Fatalf("%d defences, %v", len(defences), err)
	}
	names := map[string]bool{}
	for _, d := range defences {
		if names[d.name] {
			t.Errorf("%s is listed twice", d.name)
		}
		names[d.name] = true
		text, err := os.ReadFile(filepath.Join("../..", d.file))
		if err != nil {
			t.Errorf("%s: %v", d.name, err)
			continue
		}
		if _, err := d.undo(string(text)); err != nil {
			t.Errorf("%s: %v", d.name, err)
		}
		if !isTest(t, filepath.Join("../..", d.directory), d.test) {
			t.Errorf("%s: %s has no %s", d.name, d.directory, d.test)
		}
	}
}

// isTest reports whether a package has a test. Of tests within a test those are
// looked for that are files.
func isTest(t *testing.T, directory, test string) bool {
	t.Helper()
	name, within, _ := strings.Cut(test, "/")
	if name == "TestExchanges" {
		within += ".txt"
	}
	if strings.Contains(within, ".") {
		if found, _ := filepath.Glob(filepath.Join(directory, "testdata/*", within)); len(found) != 1 {
			return false
		}
	}
	files, _ := filepath.Glob(filepath.Join(directory, "*_test.go"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(t *testing.T) {") {
			return true
		}
	}
	return false
}

// A text that is gone, or there twice, is not undone.
func TestTextsThatCannotBeUndone(t *testing.T) {
	all, err := parse("# one\nf.go\np TestX\n a\n-b\n+c\n\n+d\n# two\nf.go\np TestX\n-b\n")
	if err != nil || len(all) != 2 {
		t.Fatalf("%v, %v", all, err)
	}
	one := all[0]
	if got, err := one.undo("a\nb\n\n"); got != "a\nc\n\nd\n" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	for _, text := range []string{"", "a\nb\n", "xa\nb\n\n", "a\nbx\n\n", "a\nb\n\na\nb\n\n"} {
		if _, err := one.undo(text); err == nil {
			t.Errorf("%q was undone", text)
		}
	}
	for _, text := range []string{"# one\nf.go\np TestX\n", "# one\nf.go\nTestX\n-a\n", "# one\nf.go\np TestX\na\n", "# one\nf.go\np TestX\n a\n"} {
		if _, err := parse(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
