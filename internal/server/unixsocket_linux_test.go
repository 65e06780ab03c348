package server

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Of the processes that start at once where a killed one has left its socket, one
// gets the path. The others fail, and its socket stays.
func TestA139StartersOfOneSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	for round := range 50 {
		leaveStale(t, path)
		listeners := make(chan net.Listener, 16)
		var starters sync.WaitGroup
		for range cap(listeners) {
			starters.Go(func() {
				l, err := listenUnix(path)
				if err == nil {
					listeners <- l
				} else if !errors.Is(err, syscall.EADDRINUSE) {
					t.Errorf("a starter failed with %v", err)
				}
			})
		}
		starters.Wait()
		close(listeners)
		if len(listeners) != 1 {
			t.Fatalf("round %d: %d listeners on one path", round, len(listeners))
		}
		l := <-listeners
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatalf("round %d: the socket is gone: %v", round, err)
		}
		accepted, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
		accepted.Close()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the closed listener left its socket: %v", err)
		}
	}
}

// leaveStale leaves a socket without a listener.
func leaveStale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

// A lock that cannot be had is an error that names its file, and follows no link.
func TestA139LockThatCannotBeHad(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "s"), filepath.Join(dir, "other")
	if err := os.Symlink(other, path+".lock"); err != nil {
		t.Fatal(err)
	}
	if l, err := listenUnix(path); err == nil || !strings.Contains(err.Error(), path+".lock") {
		t.Errorf("a link: %v %v", l, err)
	}
	if _, err := os.Lstat(other); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the link was followed: %v", err)
	}
	if l, err := listenUnix(filepath.Join(dir, "missing", "s")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a directory that is missing: %v %v", l, err)
	}
}

// A socket has its mode whatever the umask, and is at no time open to more: the bits
// that the umask leaves are no others.
func TestA184SocketModes(t *testing.T) {
	for _, mask := range []int{0, 0o007, 0o022, 0o027, 0o077, 0o177, 0o707, 0o777} {
		t.Run(fmt.Sprintf("%04o", mask), func(t *testing.T) {
			dir := t.TempDir()
			path, bare := filepath.Join(dir, "s"), filepath.Join(dir, "bare")
			before := unix.Umask(mask)
			defer unix.Umask(before)
			expectMode := func(path string, want os.FileMode) {
				t.Helper()
				if info, err := os.Lstat(path); err != nil || info.Mode() != os.ModeSocket|want {
					t.Errorf("%s: %v, want %s; %v", filepath.Base(path), info.Mode(), want, err)
				}
			}
			first, err := bind(bare)
			if err != nil {
				t.Fatal(err)
			}
			defer first.Close()
			expectMode(bare, socketMode&^os.FileMode(mask))
			for range 2 { // the second finds the socket that the first has left
				l, err := listenUnix(path)
				if err != nil {
					t.Fatal(err)
				}
				expectMode(path, 0o660)
				l.(*unixListener).SetUnlinkOnClose(false)
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// What has replaced the socket keeps its mode.
func TestA184ModeOfAnotherFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := setMode(file); err == nil || !strings.Contains(err.Error(), file+" is no longer the socket") {
		t.Error(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// A socket that systemd opened without a path is refused for either key.
func TestA185AbstractSocketOfSystemd(t *testing.T) {
	l, err := net.Listen("unix", "@oauthgw-"+rand.Text())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, key := range []string{"listen", "admin.listen"} {
		if _, err := (Sockets{key: l}).listen(key, "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "systemd passed an abstract socket for "+key+", ") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

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

func TestUnixSockets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	first, err := listen("listen", "unix:"+path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listen("listen", "unix:"+path); err == nil || !strings.Contains(err.Error(), "listen: cannot listen on unix:"+path+": address already in use") {
		t.Errorf("a path that is in use: %v", err)
	}
	first.(*unixListener).SetUnlinkOnClose(false)
	first.Close() // as a kill leaves it
	second, err := listen("listen", "unix:"+path)
	if err != nil {
		t.Fatalf("a socket that was left behind: %v", err)
	}
	second.Close()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listen("listen", "unix:"+path); err == nil {
		t.Error("a file that is no socket was removed")
	}
}
