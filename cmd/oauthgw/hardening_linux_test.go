package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// unprivileged lets root run a command as another user.
func unprivileged(t *testing.T, command *exec.Cmd) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	for directory := command.Path; directory != os.TempDir(); directory = filepath.Dir(directory) {
		if err := os.Chmod(directory, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
}

// TestA100MemoryIsClosed checks that the memory of the process is in no core dump, and closed
// to its own user.
func TestA100MemoryIsClosed(t *testing.T) {
	command := exec.Command(programFile(t), "--upstream.url=http://127.0.0.1:1", "--listen=127.0.0.1:0", "--admin.listen=127.0.0.1:0")
	var printed syncBuffer
	command.Stderr = &printed
	unprivileged(t, command)
	startProcess(t, command)
	eventually(t, "listening", func() bool { return strings.Contains(printed.String(), `"msg":"listening"`) })
	process := fmt.Sprintf("/proc/%d/", command.Process.Pid)
	limits, err := os.ReadFile(process + "limits")
	if err != nil {
		t.Fatal(err)
	}
	if _, cores, _ := strings.Cut(string(limits), "Max core file size"); strings.Join(strings.Fields(cores)[:2], " ") != "0 0" {
		t.Errorf("core dumps are limited to %.60s", cores)
	}
	// The memory belongs to root, and no other user may open it.
	memory, err := os.Stat(process + "mem")
	if err != nil {
		t.Fatal(err)
	}
	if owner := memory.Sys().(*syscall.Stat_t).Uid; owner != 0 {
		t.Errorf("the memory belongs to user %d", owner)
	}
}
