package server

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// setMode sets the bits of the mode that the umask removed. It opens the path once, without
// following a link, because others may replace the file in a directory that they can write.
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
	// The kernel does not change the mode of such a descriptor directly.
	if err := os.Chmod(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), socketMode); err != nil {
		return fmt.Errorf("cannot set the mode of %s by /proc: %w", path, err)
	}
	return nil
}
