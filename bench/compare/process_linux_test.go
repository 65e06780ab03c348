package main

import (
	"context"
	"errors"
	"testing"
)

// The workers of a program count with it, or a master that only waits would cost
// nothing.
func TestFamily(t *testing.T) {
	b := &bed{directory: t.TempDir(), Processors: 1}
	p, err := b.run("sh", "", "sh", "-c", `sleep 20 & child=$!; trap 'kill $child; exit' INT; wait`)
	if err != nil {
		t.Fatal(err)
	}
	defer p.stop()
	err = p.await(context.Background(), func() error {
		if family, err := p.family(); err != nil || len(family) < 2 {
			return errors.Join(err, errors.New("it is alone"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
