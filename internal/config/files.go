package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// largestFile bounds what is read of a file: one beyond it is another's, or has
// no end.
const largestFile = 1 << 20

var errLargeFile = errors.New("is larger than 1 MiB")

// readFile reads a configuration, or a file that it names. A pipe that nobody
// writes to reads as empty, and one whose writer is slow is given up: waiting for
// them would hold up every further reload, and the end of the program.
func readFile(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	_ = f.SetReadDeadline(time.Now().Add(5 * time.Second)) // only what can wait has one
	text, err := io.ReadAll(io.LimitReader(f, largestFile+1))
	if err == nil && len(text) > largestFile {
		return nil, errLargeFile
	}
	return text, err
}

// files returns the files that a configuration is read from: its own and those
// it names.
func (c Config) files(s *positions) []string {
	var files []string
	for _, name := range []string{s.file, c.Admin.WebConfigFile, c.TLS.CertFile, c.TLS.KeyFile, c.Upstream.CAFile, c.Upstream.CertFile, c.Upstream.KeyFile} {
		if name != "" {
			files = append(files, name)
		}
	}
	return files
}

// openFiles returns the files of secrets that every user of this host may read.
// They are worth a warning and no more, because Kubernetes mounts them so.
func (c Config) openFiles() (open []ReadableSecret) {
	for _, name := range []string{c.Admin.WebConfigFile, c.TLS.KeyFile, c.Upstream.KeyFile} {
		if info, err := os.Stat(name); err == nil && info.Mode()&0o004 != 0 {
			open = append(open, ReadableSecret{name, info.Mode().Perm()})
		}
	}
	return open
}

// ReadableSecret is a file that others may read, and its mode.
type ReadableSecret struct {
	Name string
	Mode os.FileMode
}

// Fingerprint sums up what the files hold now. One that cannot be read, perhaps
// because it is just being replaced, counts as what the system says of it, and a
// pipe as what it is: whoever reads it takes away from what a reload would read.
func Fingerprint(files []string) string {
	sum := sha256.New()
	for _, name := range files {
		var text []byte
		info, err := os.Stat(name)
		if err == nil && info.Mode().IsRegular() {
			text, err = readFile(name)
		} else if err == nil {
			text = []byte(info.Mode().String())
		}
		if err != nil {
			text = []byte(err.Error())
		}
		fmt.Fprintf(sum, "%s %d ", name, len(text))
		_, _ = sum.Write(text) // a hash takes everything
	}
	return string(sum.Sum(nil))
}
