package main

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
)

// roles are what this program is when it runs itself, by its first argument.
var roles = map[string]func(arguments []string) error{
	"provider": provide,
	"crowd":    besiege,
}

// child is this program in one of its roles. It ends when its input does, and so
// never outlives the program that started it.
type child struct {
	command *exec.Cmd
	input   io.Closer
	output  *bufio.Reader
}

// runAs starts this program in a role.
func runAs(ctx context.Context, role string, arguments ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, self, append([]string{role}, arguments...)...)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &child{command: c, input: in, output: bufio.NewReader(out)}, c.Start()
}

// kill ends it at once.
func (c *child) kill() {
	_ = c.command.Process.Kill()
	_ = c.command.Wait() // that it was killed
}

// endWithInput ends a child when the program that started it has.
func endWithInput() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}
