package prometheus_test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// process is a started program, which ends with the test.
type process struct {
	*exec.Cmd
	ended  chan struct{}
	output syncBuffer
}

// start runs a program until the test ends.
func start(t *testing.T, change func(*exec.Cmd), name string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(name, args...), ended: make(chan struct{})}
	p.Stdout, p.Stderr = &p.output, &p.output
	if change != nil {
		change(p.Cmd)
	}
	if err := p.Start(); err != nil {
		t.Fatalf("%s: %v", filepath.Base(name), err)
	}
	go func() { _ = p.Wait(); close(p.ended) }()
	t.Cleanup(func() {
		p.stop(syscall.SIGINT)
		if t.Failed() {
			t.Logf("%s printed:\n%s", filepath.Base(name), p.output.last(1000))
		}
	})
	return p
}

// stop ends the process, the hard way if it takes longer than it should.
func (p *process) stop(s os.Signal) {
	_ = p.Process.Signal(s) // fails if it has ended
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		_ = p.Process.Kill()
		<-p.ended
	}
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) last(n int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := b.b.String()
	return text[max(0, len(text)-n):]
}

// freeAddresses returns addresses that nobody listens on.
func freeAddresses(t *testing.T, n int) (out []string) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		out = append(out, l.Addr().String())
	}
	return out
}

// built returns the path of a program that e2e/run has built.
func built(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs("../.build/" + name)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("%v: make e2e builds it", err)
	}
	return path
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
