package main

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

// unixListener is a Unix socket of this process, and the lock on its path.
type unixListener struct {
	*net.UnixListener
	lock *os.File
}

// listenUnix listens on a path, also where a process that was killed has left its
// socket. The lock is on a file of its own beside the socket. It makes sure that no
// other process finds the socket without a listener and removes it just as this one
// begins to listen, and the kernel releases it if this process is killed. The file
// stays: removing it would let two processes lock two files of one name.
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

// socketMode lets the owner and the group of a socket connect to it.
const socketMode = 0o660

// bind makes a socket and listens at it. On Linux the socket takes the mode of its
// descriptor, of which the umask only removes bits, so that it is never open to more
// than socketMode is.
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

// lockFile opens and locks a file until it is closed. In a directory that others
// may write to, a link could lead to a file that is not theirs.
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

// listenLocked does so for a process that holds the lock. A socket that a program
// without the lock listens at is not removed.
func listenLocked(path string) (*net.UnixListener, error) {
	l, err := bind(path)
	if err == nil {
		return l, nil
	}
	c, dialErr := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if dialErr == nil {
		_ = c.Close()
	}
	// Only this means that nothing listens there.
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

// Close implements [net.Listener]. It removes the socket before it releases the
// path.
func (l *unixListener) Close() error {
	err := l.UnixListener.Close()
	_ = l.lock.Close() // nothing was written, and it may be closed already
	return err
}
