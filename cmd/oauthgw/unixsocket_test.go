package main

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
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

// leaveStale leaves a socket that nobody listens at.
func leaveStale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

// The path is free for the next process as soon as this one turns clients away,
// and closing this one leaves the other's socket.
func TestA139SocketIsHandedOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	first, err := listenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := listenUnix(path); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("the path of a listener: %v", err)
	}
	turnAway(first)
	second, err := listenUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("unix", path); err != nil {
		t.Errorf("the next process's socket is gone: %v", err)
	} else {
		c.Close()
	}
	if _, err := listenUnix(path); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("the path of the next process: %v", err)
	}
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
