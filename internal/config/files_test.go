package config

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFingerprintLeavesPipesAlone checks that a fingerprint reads nothing of a pipe, which a
// reload would read.
func TestFingerprintLeavesPipesAlone(t *testing.T) {
	name := filepath.Join(t.TempDir(), "oauthgw.yaml")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	pipe, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pipe.WriteString("whole"); err != nil {
		t.Fatal(err)
	}
	Fingerprint([]string{name})
	text := make([]byte, 10)
	if err := syscall.SetNonblock(int(pipe.Fd()), true); err != nil {
		t.Fatal(err)
	}
	if n, err := syscall.Read(int(pipe.Fd()), text); err != nil || string(text[:n]) != "whole" {
		t.Errorf("the pipe holds %q, %v", text[:max(n, 0)], err)
	}
}
