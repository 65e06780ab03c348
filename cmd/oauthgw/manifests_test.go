package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// workload is what the test reads of a Kubernetes object with containers.
type workload struct {
	Spec struct {
		Template struct {
			Spec struct{ Containers, InitContainers []manifestContainer }
		}
	}
}

type manifestContainer struct {
	Name      string
	Env       []struct{ Name, Value string }
	Resources struct{ Limits struct{ Memory string } }
}

// The shipped memory limit is what the load of make soak needs, and the garbage
// collector works towards 90 % of it.
func TestA129ShippedMemoryLimit(t *testing.T) {
	limited := 0
	for _, c := range shippedContainers(t) {
		for _, env := range c.Env {
			if env.Name != "GOMEMLIMIT" {
				continue
			}
			limited++
			hard, err := strconv.Atoi(strings.TrimSuffix(c.Resources.Limits.Memory, "Mi"))
			soft, softErr := strconv.Atoi(strings.TrimSuffix(env.Value, "MiB"))
			if err = errors.Join(err, softErr); err != nil {
				t.Fatal(err)
			}
			if want := hard * 9 / 10; soft > want || soft < want-1 {
				t.Errorf("%s: GOMEMLIMIT is %d MiB, want %d", c.Name, soft, want)
			}
			// The connections of this limit took 188 MB when 5,500 headers did not end.
			if most := mostConnections; hard < 256 || most > 6000 {
				t.Errorf("%s: %d MiB for %d connections", c.Name, hard, most)
			}
		}
	}
	if limited == 0 {
		t.Error("no container has GOMEMLIMIT")
	}
}

// shippedContainers returns the containers of all manifests.
func shippedContainers(t *testing.T) (found []manifestContainer) {
	t.Helper()
	err := filepath.WalkDir("../../deploy/kubernetes", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".yaml" {
			return err
		}
		documents := yaml.NewDecoder(bytes.NewReader(read(t, name)))
		for {
			var object yaml.Node
			if err := documents.Decode(&object); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			var w workload
			if object.Decode(&w) == nil { // it is a workload
				found = append(found, w.Spec.Template.Spec.Containers...)
				found = append(found, w.Spec.Template.Spec.InitContainers...)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
