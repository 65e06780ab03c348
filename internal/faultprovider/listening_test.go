package faultprovider_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"oauthgw/internal/faultprovider"
)

// A provider that is suspended refuses who comes and serves who is there, and is
// back at the same address afterwards.
func TestSuspendAndResume(t *testing.T) {
	p := start(t, faultprovider.Config{})
	c := p.dial(t)
	r := bufio.NewReader(c)
	statusOf(t, c, r, documentRequest())
	p.Suspend()
	if refused, err := net.Dial("tcp", p.address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, %v while suspended", refused, err)
	}
	if got := statusOf(t, c, r, documentRequest()); got != 200 {
		t.Errorf("got %d on a connection that was there", got)
	}
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	c = p.dial(t)
	if got := statusOf(t, c, bufio.NewReader(c), documentRequest()); got != 200 {
		t.Errorf("got %d after resuming", got)
	}
	if p.Resume() == nil {
		t.Error("resumed although it listens")
	}
}

// A reset ends every connection, those with a request under way too, and what
// was remembered stays.
func TestReset(t *testing.T) {
	p := start(t, faultprovider.Config{})
	idle, waiting := p.dial(t), p.dial(t)
	statusOf(t, idle, bufio.NewReader(idle), tokenRequest("one"))
	if _, err := io.WriteString(waiting, tokenRequest("two", faultprovider.Header+": stalled-body")); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(waiting)
	if _, err := r.ReadString('{'); err != nil {
		t.Fatal(err)
	}
	p.Reset()
	for name, reader := range map[string]io.Reader{"idle": idle, "waiting": r} {
		if _, err := io.Copy(io.Discard, reader); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	c := p.dial(t)
	statusOf(t, c, bufio.NewReader(c), tokenRequest("one"))
	if got := p.RepeatedGrants(); len(got) != 1 {
		t.Errorf("seen again: %q", got)
	}
}

// A provider that is killed neither listens nor keeps a connection.
func TestKill(t *testing.T) {
	p := start(t, faultprovider.Config{})
	c := p.dial(t)
	statusOf(t, c, bufio.NewReader(c), documentRequest())
	p.Kill()
	if _, err := io.Copy(io.Discard, c); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got %v", err)
	}
	if _, err := net.Dial("tcp", p.address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v", err)
	}
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	c = p.dial(t)
	statusOf(t, c, bufio.NewReader(c), documentRequest())
	p.Close()
	if p.Resume() == nil {
		t.Error("resumed although it is closed")
	}
}
