package config

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxFileSize bounds what is read of a file. A larger one is not of a configuration, or has
// no end.
const maxFileSize = 1 << 20

var errLargeFile = errors.New("is larger than 1 MiB")

// readFile reads a file. Neither a pipe without a writer nor a slow writer holds up reloads.
func readFile(name string) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	_ = f.SetReadDeadline(time.Now().Add(5 * time.Second)) // regular files need none
	text, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err == nil && len(text) > maxFileSize {
		return nil, errLargeFile
	}
	return text, err
}

// files returns the configuration file and the files that it names.
func (c Config) files(own string) []string {
	files := []string{own, c.Admin.WebConfigFile, c.TLS.CertFile, c.TLS.KeyFile, c.Upstream.CAFile, c.Upstream.CertFile, c.Upstream.KeyFile}
	return slices.DeleteFunc(files, func(name string) bool { return name == "" })
}

// readableSecrets returns the modes of the files of secrets that every user of this host may
// read. They are no errors: Kubernetes mounts secrets so.
func (c Config) readableSecrets() map[string]os.FileMode {
	found := map[string]os.FileMode{}
	for _, name := range []string{c.Admin.WebConfigFile, c.TLS.KeyFile, c.Upstream.KeyFile} {
		if info, err := os.Stat(name); err == nil && info.Mode()&0o004 != 0 {
			found[name] = info.Mode().Perm()
		}
	}
	return found
}

// Fingerprint returns a hash of the content of files, or of the error where one cannot be
// read. It does not read a pipe, whose content would be gone for the next reload.
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

// auditFile checks that records can be written. It does not create the file: oauthgw check
// may run as another user than the gateway.
func (v *validator) auditFile(file string) string {
	if file == "" || file == standardOutput {
		return file
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY|syscall.O_NONBLOCK, 0)
	switch {
	case err == nil:
		_ = f.Close() // nothing was written
	case errors.Is(err, fs.ErrNotExist):
		err = checkDirWritable(filepath.Dir(file))
	}
	if err != nil {
		v.addf("audit.file", "cannot be written: %s", err)
	}
	return file
}

func checkDirWritable(dir string) error {
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("cannot create a file in %s: %w", dir, err)
	}
	return nil
}
