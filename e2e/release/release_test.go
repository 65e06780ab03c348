// Package release makes the release twice, from clones in different places, and
// looks at what came of it. It needs git, GNU tar and the network.
package release

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// command runs a program in a directory and returns what it printed.
func command(t *testing.T, directory string, words ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), words[0], words[1:]...)
	c.Dir = directory
	var diagnostics bytes.Buffer
	c.Stderr = &diagnostics
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", words, err, diagnostics.String())
	}
	return string(out)
}

// clone returns a clean tree of what is committed.
func clone(t *testing.T, below string) (tree string) {
	t.Helper()
	root := strings.TrimSpace(command(t, ".", "git", "rev-parse", "--show-toplevel"))
	tree = filepath.Join(t.TempDir(), below)
	command(t, ".", "git", "clone", "--quiet", root, tree)
	return tree
}

func TestRelease(t *testing.T) {
	first, second := clone(t, "a"), clone(t, "b/c")
	for _, tree := range []string{first, second} {
		command(t, tree, "make", "release")
	}
	sums := read(t, first, "SHA256SUMS")
	if again := read(t, second, "SHA256SUMS"); !bytes.Equal(sums, again) || bytes.Count(sums, []byte("\n")) != 4 {
		t.Errorf("two releases of one commit:\n%s%s", sums, again)
	}
	t.Logf("\n%s", sums)
	command(t, filepath.Join(second, "dist"), "sha256sum", "--check", "--strict", "SHA256SUMS")

	revision := strings.TrimSpace(command(t, first, "git", "rev-parse", "HEAD"))
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		name := "oauthgw-linux-" + arch
		binary := unpack(t, read(t, first, name+".tar.gz"), name)
		isStatic(t, binary, machine)
		if !bytes.Contains(binary, []byte("vcs.revision="+revision)) {
			t.Errorf("%s does not say of which revision it is", name)
		}
		if bytes.Contains(binary, []byte(first)) {
			t.Errorf("%s names the directory that it was made in", name)
		}
		listsModules(t, read(t, first, name+".cdx.json"))
	}
	said := version(t, unpack(t, read(t, first, "oauthgw-linux-amd64.tar.gz"), "oauthgw-linux-amd64"))
	if !strings.Contains(said, "(revision "+revision+", ") || strings.Contains(said, "dirty") {
		t.Errorf("the version is %s", said)
	}
}

// A tree that is not what was committed says so.
func TestDirtyTreeShowsInTheVersion(t *testing.T) {
	tree := clone(t, "a")
	if err := os.WriteFile(filepath.Join(tree, "more.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, tree, "go", "build", "-buildvcs=true", "-o", "bin/", "./cmd/oauthgw")
	if said := command(t, tree, "bin/oauthgw", "version"); !strings.Contains(said, "+dirty") {
		t.Errorf("the version is %s", said)
	}
}

func read(t *testing.T, tree, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(tree, "dist", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// unpack returns the binary of an archive, in which everything lies below one
// directory.
func unpack(t *testing.T, archive []byte, name string) (binary []byte) {
	t.Helper()
	unzipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for r := tar.NewReader(unzipped); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		below, ok := strings.CutPrefix(h.Name, name+"/")
		if !ok {
			t.Errorf("%s lies beside the directory", h.Name)
		}
		found[below] = true
		if below == "oauthgw" {
			if binary, err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, want := range []string{"oauthgw", "README.md", "config.example.yaml"} {
		if !found[want] {
			t.Errorf("the archive lacks %s", want)
		}
	}
	return binary
}

// isStatic tells of what a binary needs from the system that it runs on.
func isStatic(t *testing.T, binary []byte, machine elf.Machine) {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	if f.Machine != machine {
		t.Errorf("the binary is for %v", f.Machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the binary has a %v", p.Type)
		}
	}
}

// listsModules tells whether a bill of materials names a dependency and the
// standard library.
func listsModules(t *testing.T, text []byte) {
	t.Helper()
	var bill struct {
		BOMFormat  string
		Components []struct{ Name string }
	}
	if err := json.Unmarshal(text, &bill); err != nil || bill.BOMFormat != "CycloneDX" {
		t.Fatalf("the bill of materials is %q: %v", bill.BOMFormat, err)
	}
	listed := map[string]bool{}
	for _, c := range bill.Components {
		listed[c.Name] = true
	}
	for _, want := range []string{"std", "github.com/gorilla/mux"} {
		if !listed[want] {
			t.Errorf("the bill of materials lacks %s", want)
		}
	}
}

// version runs a binary for what it says it is.
func version(t *testing.T, binary []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "oauthgw")
	if err := os.WriteFile(file, binary, 0o700); err != nil {
		t.Fatal(err)
	}
	return command(t, ".", file, "version")
}
