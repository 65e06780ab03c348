package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// listen returns systemd's socket for a key, or listens on its address, host:port or unix:/path.
func (s Sockets) listen(key, address string) (net.Listener, error) {
	l, passed := s[key]
	if passed && strings.HasPrefix(l.Addr().String(), "@") {
		return nil, fmt.Errorf("systemd passed an abstract socket for %s, which every user of this host can connect to: ListenStream= must be a path", key)
	}
	if passed {
		return l, nil
	}
	var err error
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		l, err = listenUnix(path)
	} else {
		l, err = net.Listen("tcp", address)
	}
	if system := new(os.SyscallError); errors.As(err, &system) {
		err = system.Err // without the address in front of it
	}
	if err != nil {
		return nil, fmt.Errorf("%s: cannot listen on %s: %w", key, address, err)
	}
	return l, nil
}

// address returns the address of a listener in the form of the configuration.
func address(l net.Listener) string {
	if l.Addr().Network() == "unix" {
		return "unix:" + l.Addr().String()
	}
	return l.Addr().String()
}

// unixListener is a Unix socket with the lock on its path.
type unixListener struct {
	*net.UnixListener
	lock *os.File
}

// listenUnix listens on a path, and replaces the socket of a process that was killed. A lock on a
// file beside it, which the kernel releases with the process, keeps another process from removing
// the socket. The file stays: otherwise two processes could lock two files of one name.
func listenUnix(path string) (net.Listener, error) {
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, err
	}
	l, err := bind(path)
	if err != nil && removeStale(path) {
		l, err = bind(path)
	}
	if err != nil {
		_ = lock.Close() // nothing was written
		return nil, err
	}
	return &unixListener{l, lock}, nil
}

// lockFile opens and locks a file. It follows no link, which others may have put there.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, nil
	}
	_ = f.Close() // nothing was written
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("%w: another process holds %s", syscall.EADDRINUSE, name)
	}
	return nil, fmt.Errorf("cannot lock %s: %w", name, err)
}

// bind creates a socket to which the owner and the group can connect, and listens on it.
// The kernel creates it with the mode of the descriptor, or with 0777 where a descriptor has
// no mode, without the bits of the umask. So the umask of the process is replaced for a
// moment, in which it creates no other file.
func bind(path string) (*net.UnixListener, error) {
	defer unix.Umask(unix.Umask(0o007))
	setMode := func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = unix.Fchmod(int(fd), 0o660) })
	}
	l, err := (&net.ListenConfig{Control: setMode}).Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	return l.(*net.UnixListener), nil
}

// removeStale removes a socket that has no listener, and nothing else.
func removeStale(path string) bool {
	c, err := net.Dial("unix", path)
	if err == nil {
		_ = c.Close()
	}
	// Only this error means that the socket has no listener.
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return false
	}
	info, err := os.Lstat(path)
	return err == nil && info.Mode().Type() == os.ModeSocket && os.Remove(path) == nil
}

// Close implements [net.Listener]. It removes the socket and releases the lock.
func (l *unixListener) Close() error {
	err := l.UnixListener.Close()
	_ = l.lock.Close() // nothing was written, and it may be closed already
	return err
}
