package main

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// Who has connected before is let in, and whoever comes later is refused, not
// reset with a request sent.
func TestTurnAway(t *testing.T) {
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "s")} {
		t.Run(network, func(t *testing.T) { testTurnAway(t, network, address) })
	}
}

func testTurnAway(t *testing.T, network, address string) {
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	early, err := net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	turnAway(l)
	if late, err := net.Dial(network, l.Addr().String()); err == nil {
		late.Close()
		t.Error("the late one was let in")
	}
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(early, "hello")
	var got [5]byte
	if _, err := io.ReadFull(c, got[:]); err != nil || string(got[:]) != "hello" {
		t.Errorf("the early one said %q %v", got, err)
	}
}

// The path of a Unix socket is its successor's as soon as nobody is let in.
func TestTurnAwayLeavesTheSuccessor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	before, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	turnAway(before)
	after, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	before.Close()
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}
