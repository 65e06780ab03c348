// Undone takes the defences of defences.txt away, one at a time and in a copy of
// the tree, and runs the test that has to fail for it. It prints a line for each
// and exits with 1 if a test stays green, does not compile, or is red already with
// everything in place.
//
// It runs in the root of the repository and leaves that alone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "undone:", err)
		os.Exit(1)
	}
}

func run() error {
	only := flag.String("only", "", "undo only the defences whose lines match this `expression`")
	flag.Parse()
	chosen, err := regexp.Compile(*only)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defences, err := parse(list)
	if err != nil {
		return err
	}
	copied, err := copyTree(ctx, ".")
	if err != nil {
		return err
	}
	defer copied.remove()
	start, tried, failed := time.Now(), 0, 0
	for _, d := range defences {
		if !chosen.MatchString(d.String()) {
			continue
		}
		err := copied.try(ctx, d)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		tried++
		fmt.Printf("%-11s %s\n", verdict(err), d)
		if err != nil {
			failed++
			fmt.Println(err)
		}
	}
	fmt.Printf("%d defences undone in %s, %d of them without a test that tells\n", tried, time.Since(start).Round(time.Second), failed)
	if tried == 0 {
		return errors.New("no defence has such a line")
	}
	if failed > 0 {
		return errors.New("undoing a defence has to make its test fail")
	}
	return nil
}

// verdict says in a word what became of the test, in capitals where it is wrong.
func verdict(err error) string {
	switch {
	case err == nil:
		return "red"
	case errors.Is(err, errGreen):
		return "STILL GREEN"
	}
	return "CANNOT TELL"
}
