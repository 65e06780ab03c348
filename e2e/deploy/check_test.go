package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The configuration of every shape is valid. It is checked in a network of its
// own, in which nobody answers, because the providers it names are examples.
func TestConfigurationsAreValid(t *testing.T) {
	needRoot(t)
	program, err := filepath.Abs(built + "/oauthgw")
	if err != nil {
		t.Fatal(err)
	}
	for _, shape := range shapes {
		file := filepath.Join(t.TempDir(), "oauthgw.yaml")
		if err := os.WriteFile(file, []byte(readShape(t, shape).text), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), program, "check", "--config.file="+file)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.HasPrefix(string(out), "the configuration is valid\n") {
			t.Errorf("%s: %v\n%s", shape, err, out)
		}
	}
}
