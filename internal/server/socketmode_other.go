//go:build !linux

package server

import (
	"fmt"
	"os"
)

// setMode gives a socket the bits that the umask removed. In a directory that others
// may write to, the path could lead to a file that is not the socket. A link that
// takes its place between the two calls is followed.
func setMode(path string) error {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return err
	case info.Mode().Type() != os.ModeSocket:
		return fmt.Errorf("%s is no longer the socket", path)
	case info.Mode().Perm() == socketMode:
		return nil
	}
	return os.Chmod(path, socketMode)
}
