package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// testTime bounds a test, which says so itself, and then is ended.
const testTime = 120 * time.Second

// errGreen says that a test does not miss a defence.
var errGreen = errors.New("nothing tells that it is gone")

// try undoes a defence and returns nil if its test fails for that. One that does
// not compile fails for another reason, and so does one that fails anyway.
func (t *tree) try(ctx context.Context, d defence) error {
	if err := t.greenBefore(ctx, d); err != nil {
		return err
	}
	restore, err := t.undo(d)
	if err != nil {
		return err
	}
	// It stays undone while the test runs: some tests build the gateway themselves.
	return errors.Join(t.red(ctx, d), restore())
}

// red returns nil if the test of a defence that is undone fails.
func (t *tree) red(ctx context.Context, d defence) error {
	program := filepath.Join(t.root, ".undone.test")
	if err := t.compile(ctx, d, program); err != nil {
		return err
	}
	output, green, err := t.test(ctx, d, program)
	if err == nil && green {
		err = fmt.Errorf("%w\n%s", errGreen, output)
	}
	return err
}

// greenBefore runs the test with every defence in place, once.
func (t *tree) greenBefore(ctx context.Context, d defence) error {
	key := d.directory + " " + d.test
	if t.sound[key] {
		return nil
	}
	program := filepath.Join(t.root, "."+strings.ReplaceAll(d.directory, "/", "-")+".test")
	if !t.sound[program] {
		if err := t.compile(ctx, d, program); err != nil {
			return err
		}
		t.sound[program] = true
	}
	output, green, err := t.test(ctx, d, program)
	switch {
	case err != nil:
		return err
	case !green:
		return fmt.Errorf("%s fails with every defence in place:\n%s", key, output)
	case strings.Contains(output, "no tests to run"):
		return fmt.Errorf("%s is no test", key)
	}
	t.sound[key] = true
	return nil
}

// compile makes a program of a package's tests.
func (t *tree) compile(ctx context.Context, d defence, program string) error {
	output, err := printedBy(ctx, filepath.Join(t.root, d.directory), "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-o", program, ".")
	if err != nil {
		return fmt.Errorf("it does not compile: %w\n%s", err, output)
	}
	return nil
}

// test runs one test of a program. The error says that it could not be run.
func (t *tree) test(ctx context.Context, d defence, program string) (output string, green bool, err error) {
	// What does not end by its own bound hangs where no bound reaches.
	ctx, cancel := context.WithTimeout(ctx, testTime+10*time.Second)
	defer cancel()
	output, err = printedBy(ctx, filepath.Join(t.root, d.directory), program, "-test.run="+d.pattern(), "-test.count=1", "-test.timeout="+testTime.String())
	var failed *exec.ExitError
	switch {
	case err == nil:
		return output, true, nil
	case ctx.Err() == nil && errors.As(err, &failed):
		return output, false, nil
	}
	return "", false, fmt.Errorf("%s cannot be run: %w\n%s", d.test, errors.Join(err, ctx.Err()), output)
}

// printedBy runs a program to its end and returns what it printed.
func printedBy(ctx context.Context, directory, program string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir = directory
	command.WaitDelay = 5 * time.Second // of what it started and left
	var printed bytes.Buffer
	command.Stdout, command.Stderr = &printed, &printed
	err := command.Run()
	return printed.String(), err
}
