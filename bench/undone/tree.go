package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// tree is a copy of the repository, in which things may be broken.
type tree struct {
	root string
	// sound are the tests that were green with every defence in place, and the
	// programs that hold them.
	sound map[string]bool
}

// copyTree copies what git knows, and what it would know if it were added, as it is
// now.
func copyTree(ctx context.Context, from string) (*tree, error) {
	list := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = from
	names, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}
	root, err := os.MkdirTemp("", "undone-")
	if err != nil {
		return nil, err
	}
	t := &tree{root: root, sound: map[string]bool{}}
	for name := range strings.SplitSeq(strings.TrimRight(string(names), "\x00"), "\x00") {
		if err := copyFile(filepath.Join(from, name), filepath.Join(root, name)); err != nil {
			t.remove()
			return nil, err
		}
	}
	return t, nil
}

func copyFile(from, to string) error {
	status, err := os.Stat(from)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, text, status.Mode())
}

// undo takes a defence out of its file. What it returns puts it back.
func (t *tree) undo(d defence) (restore func() error, err error) {
	name := filepath.Join(t.root, d.file)
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	undone, err := d.undo(string(text))
	if err != nil {
		return nil, err
	}
	// The mode stays that of the file.
	return func() error { return os.WriteFile(name, text, 0) }, os.WriteFile(name, []byte(undone), 0)
}

func (t *tree) remove() { _ = os.RemoveAll(t.root) }
