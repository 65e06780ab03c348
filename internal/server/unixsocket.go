package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// unixListener is a Unix socket with the lock on its path.
type unixListener struct {
	*net.UnixListener
	lock *os.File
}

// listenUnix listens on a path, and replaces the socket of a process that was killed. A lock
// on a file beside the socket keeps another process from removing the socket while this one
// begins to listen. The kernel releases it when the process ends. The file stays: after its
// removal two processes could lock two files of one name.
func listenUnix(path string) (net.Listener, error) {
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, err
	}
	l, err := listenLocked(path)
	if err != nil {
		_ = lock.Close() // nothing was written
		return nil, err
	}
	owned := &unixListener{l, lock}
	if err := setMode(path); err != nil {
		return nil, errors.Join(err, owned.Close())
	}
	return owned, nil
}

// socketMode lets the owner and the group connect.
const socketMode = 0o660

// bind creates a socket and listens on it. On Linux the socket gets the mode of its
// descriptor without the bits of the umask, so that it is never open to more users.
func bind(path string) (*net.UnixListener, error) {
	restrict := func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) { failed = unix.Fchmod(int(fd), socketMode) })
		if runtime.GOOS != "linux" {
			return err
		}
		return errors.Join(err, failed)
	}
	l, err := (&net.ListenConfig{Control: restrict}).Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	return l.(*net.UnixListener), nil
}

// lockFile opens and locks a file. It follows no link, which others may have put into the
// directory.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close() // nothing was written
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: another process holds %s", syscall.EADDRINUSE, name)
		}
		return nil, fmt.Errorf("cannot lock %s: %w", name, err)
	}
	return f, nil
}

// listenLocked listens while the lock is held. It does not remove a socket with a listener.
func listenLocked(path string) (*net.UnixListener, error) {
	l, err := bind(path)
	if err == nil {
		return l, nil
	}
	c, dialErr := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if dialErr == nil {
		_ = c.Close()
	}
	// Only this error means that the socket has no listener.
	if !errors.Is(dialErr, syscall.ECONNREFUSED) {
		return nil, err
	}
	if info, statErr := os.Lstat(path); statErr != nil || info.Mode().Type() != os.ModeSocket {
		return nil, err
	}
	if err := os.Remove(path); err != nil {
		return nil, err
	}
	return bind(path)
}

// Close implements [net.Listener]. It removes the socket and releases the lock.
func (l *unixListener) Close() error {
	err := l.UnixListener.Close()
	_ = l.lock.Close() // nothing was written, and it may be closed already
	return err
}
