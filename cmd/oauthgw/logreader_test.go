//go:build unix

package main

import (
	"bufio"
	"os"
	"os/exec"
	"regexp"
	"testing"
)

var droppedLine = regexp.MustCompile(`(?m)^oauthgw_log_dropped_total\{log="operations"\} [1-9]`)

// When the reader of standard error exits, the gateway drops log lines and counts
// them. It does not exit.
func TestReaderOfTheLogGoesAway(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	program := exec.CommandContext(t.Context(), builtProgram(t), "--upstream.url=http://127.0.0.1:1", "--listen=127.0.0.1:0", "--admin.listen=127.0.0.1:0")
	program.Stderr = writer
	err = program.Start()
	writer.Close()
	if err != nil {
		t.Fatal(err)
	}
	ended := false
	defer func() {
		_ = program.Process.Signal(os.Interrupt)
		if err := program.Wait(); err != nil && !ended {
			t.Error(err)
		}
	}()
	var addresses []string
	for lines := bufio.NewScanner(reader); addresses == nil && lines.Scan(); {
		addresses = regexp.MustCompile(`"msg":"listening","listen":"([^"]+)","admin":"([^"]+)"`).FindStringSubmatch(lines.Text())
	}
	if addresses == nil {
		t.Fatal("it does not say where it listens")
	}
	reader.Close()
	send(t, addresses[1], "GET / HTTP/1.1\nHost: a b")
	ended = true // if what follows does not answer
	eventually(t, "a lost line", func() bool {
		return droppedLine.MatchString(storyGateway{admin: addresses[2]}.scrape(t))
	})
	ended = false
}
