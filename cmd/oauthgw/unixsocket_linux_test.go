package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A link that takes the place of the socket at any moment is not followed.
func TestA184LinkInPlaceOfTheSocket(t *testing.T) {
	dir := t.TempDir()
	path, kept := filepath.Join(dir, "s"), filepath.Join(dir, "kept")
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := errors.Join(os.Link(path, kept), os.WriteFile(file, nil, 0o600), os.Symlink(file, link)); err != nil {
		t.Fatal(err)
	}
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, link, unix.RENAME_EXCHANGE) // where it fails, so does the test
			}
		}
	}()
	sockets, links := 0, 0
	for range 50_000 {
		if sockets > 500 && links > 500 {
			break
		}
		if err := os.Chmod(kept, 0o600); err != nil {
			t.Fatal(err)
		}
		if setMode(path) == nil {
			sockets++
		} else {
			links++
		}
	}
	close(end)
	<-ended
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 || sockets == 0 || links == 0 {
		t.Errorf("the file behind the link has mode %v, %v, after %d sockets and %d links", info.Mode(), err, sockets, links)
	}
}
