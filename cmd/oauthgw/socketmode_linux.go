package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// setMode gives a socket the bits that the umask removed. In a directory that others
// may write to, the path could lead to a file that is not the socket, and to another
// one at any moment. So it is opened once, without following a link.
func setMode(path string) error {
	f, err := os.OpenFile(path, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // nothing was written
	info, err := f.Stat()
	switch {
	case err != nil:
		return err
	case info.Mode().Type() != os.ModeSocket:
		return fmt.Errorf("%s is no longer the socket", path)
	case info.Mode().Perm() == socketMode:
		return nil
	}
	// The kernel changes no mode by such a descriptor itself.
	if err := os.Chmod(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), socketMode); err != nil {
		return fmt.Errorf("cannot set the mode of %s by /proc: %w", path, err)
	}
	return nil
}
