package main

import (
	"io"
	"net"
	"path/filepath"
	"testing"
)

// Who has connected before is let in, and whoever comes later is refused, not
// reset with a request sent.
func TestTurnAway(t *testing.T) {
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": unixPrefix + filepath.Join(t.TempDir(), "s")} {
		t.Run(network, func(t *testing.T) { testTurnAway(t, network, address) })
	}
}

func testTurnAway(t *testing.T, network, address string) {
	l, err := listenOn("listen", "clients", address)
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
