package deploy

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// image is what the Dockerfile makes.
type image struct {
	runs            []string          // of the build stage
	workdir         string            // of the build stage
	files           map[string]string // places in the image, and in the build stage
	identity        string
	entrypoint, cmd []string
	exposed, env    []string
}

// readImage reads the Dockerfile. An instruction that is not expected is an
// error, because the tests would not carry it out.
func readImage(t *testing.T) image {
	t.Helper()
	file, err := os.Open(root + "/deploy/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	parsed, err := parser.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(stages) != 2 || stages[0].Name != "build" || stages[1].BaseName != "scratch" {
		t.Fatal("the stages are not build and scratch")
	}
	i := image{files: map[string]string{}}
	for _, command := range stages[0].Commands {
		i.readBuild(t, command)
	}
	for _, command := range stages[1].Commands {
		i.readFinal(t, command)
	}
	return i
}

func (i *image) readBuild(t *testing.T, command instructions.Command) {
	t.Helper()
	switch c := command.(type) {
	case *instructions.WorkdirCommand:
		i.workdir = c.Path
	case *instructions.RunCommand:
		i.runs = append(i.runs, strings.Join(c.CmdLine, " "))
	case *instructions.CopyCommand:
		if !slices.Equal(c.SourcePaths, []string{"."}) || c.DestPath != "." {
			t.Fatal("the build stage does not hold the repository at its working directory")
		}
	case *instructions.ArgCommand:
	default:
		t.Fatalf("unexpected in the build stage: %s", c.Name())
	}
}

func (i *image) readFinal(t *testing.T, command instructions.Command) {
	t.Helper()
	switch c := command.(type) {
	case *instructions.CopyCommand:
		if c.From != "build" || len(c.SourcePaths) != 1 {
			t.Fatal("only single files of the build stage are expected")
		}
		i.files[c.DestPath] = c.SourcePaths[0]
	case *instructions.UserCommand:
		i.identity = c.User
	case *instructions.ExposeCommand:
		i.exposed = append(i.exposed, c.Ports...)
	case *instructions.EnvCommand:
		for _, pair := range c.Env {
			i.env = append(i.env, pair.Key+"="+pair.Value)
		}
	case *instructions.EntrypointCommand:
		if c.PrependShell {
			t.Fatal("ENTRYPOINT wants a shell")
		}
		i.entrypoint = c.CmdLine
	case *instructions.CmdCommand:
		if c.PrependShell {
			t.Fatal("CMD wants a shell")
		}
		i.cmd = c.CmdLine
	default:
		t.Fatalf("unexpected in the image: %s", c.Name())
	}
}

// user returns the numbers of the user and the group, which are not root's.
func (i image) user(t *testing.T) (uid, gid uint32) {
	t.Helper()
	u, g, _ := strings.Cut(i.identity, ":")
	numbers := [2]uint32{}
	for n, text := range []string{u, g} {
		id, err := strconv.ParseUint(text, 10, 32)
		if err != nil || id == 0 {
			t.Fatalf("USER %s is not two numbers above 0", i.identity)
		}
		numbers[n] = uint32(id)
	}
	return numbers[0], numbers[1]
}

func (i image) ports(t *testing.T) []int32 {
	t.Helper()
	var ports []int32
	for _, text := range i.exposed {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, int32(n))
	}
	return ports
}
