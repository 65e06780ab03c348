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

// The memory of the process is in no core dump, and closed to its own user.
func TestA100MemoryIsClosed(t *testing.T) {
	program := builtProgram(t)
	command := exec.CommandContext(t.Context(), program, "--upstream.url=http://127.0.0.1:1", "--listen=127.0.0.1:0", "--admin.listen=127.0.0.1:0")
	var printed syncBuffer
	command.Stderr = &printed
	if os.Getuid() == 0 { // to whom nothing is closed
		for directory := program; directory != os.TempDir(); directory = filepath.Dir(directory) {
			if err := os.Chmod(directory, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = command.Process.Signal(os.Interrupt)
		if err := command.Wait(); err != nil {
			t.Errorf("%v\n%s", err, printed.String())
		}
	}()
	eventually(t, "listening", func() bool { return strings.Contains(printed.String(), `"msg":"listening"`) })
	process := fmt.Sprintf("/proc/%d/", command.Process.Pid)
	limits, err := os.ReadFile(process + "limits")
	if err != nil {
		t.Fatal(err)
	}
	if _, cores, _ := strings.Cut(string(limits), "Max core file size"); strings.Join(strings.Fields(cores)[:2], " ") != "0 0" {
		t.Errorf("core dumps are limited to %.60s", cores)
	}
	// The memory belongs to root, and nobody else may open it.
	memory, err := os.Stat(process + "mem")
	if err != nil {
		t.Fatal(err)
	}
	if owner := memory.Sys().(*syscall.Stat_t).Uid; owner != 0 {
		t.Errorf("the memory belongs to user %d", owner)
	}
}
