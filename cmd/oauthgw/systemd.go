package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// tell tells systemd how this process does (sd_notify(3)), if systemd started it
// and asked.
func tell(l *slog.Logger, state, status string) {
	notify(l, strings.TrimSpace(state)+"\nSTATUS="+status)
}

// notify sends a message to the socket that the environment names. The library
// would wait for a reader that takes none, and with it a reload and the end.
func notify(l *slog.Logger, message string) {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return
	}
	socket, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err == nil {
		defer func() { _ = socket.Close() }()
		_ = socket.SetWriteDeadline(time.Now().Add(time.Second)) // it is open
		_, err = io.WriteString(socket, message)
	}
	if err != nil {
		l.Warn("systemd could not be told", "err", err.Error())
	}
}

// keepAlive tells systemd's watchdog, if there is one, that this process runs,
// until ctx ends.
func keepAlive(ctx context.Context, log func() *slog.Logger) {
	patience, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log().Warn("the watchdog is not served", "err", err.Error())
	}
	if patience == 0 {
		return
	}
	often := time.NewTicker(patience / 2)
	defer often.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-often.C:
		}
		notify(log(), daemon.SdNotifyWatchdog)
	}
}

// sockets are those that somebody else has opened, by the key whose address each
// replaces.
type sockets map[string]net.Listener

// activated returns the sockets that systemd opened for this process
// (sd_listen_fds(3)). The environment no longer tells of them afterwards, so that
// no child takes them for its own.
func activated() (sockets, error) {
	files := activation.Files(true)
	given := sockets{}
	for _, f := range files {
		key, err := keyOf(f.Name(), len(files) == 1)
		if err != nil {
			return nil, err
		}
		if given[key] != nil {
			return nil, fmt.Errorf("systemd passed two sockets for %s, which takes one", key)
		}
		l, err := net.FileListener(f)
		if err != nil {
			return nil, fmt.Errorf("the socket that systemd passed for %s is none to listen at: %w", key, err)
		}
		_ = f.Close() // the listener has a descriptor of its own
		given[key] = l
	}
	return given, nil
}

// keyOf returns the key whose address a socket of a name replaces. Without
// FileDescriptorName= systemd names it after the unit, or not at all.
func keyOf(name string, single bool) (string, error) {
	unnamed := strings.HasSuffix(name, ".socket") || strings.HasPrefix(name, "LISTEN_FD_") || name == "unknown"
	switch {
	case name == "listen", unnamed && single:
		return "listen", nil
	case name == "admin":
		return "admin.listen", nil
	case unnamed:
		return "", errors.New("systemd passed several sockets, and one without a name: FileDescriptorName= must be listen or admin")
	}
	return "", fmt.Errorf("systemd passed a socket named %q: FileDescriptorName= must be listen or admin", name)
}

// listenOn takes the socket that was given for a key, or else the address.
func (given sockets) listenOn(key, purpose, address string) (net.Listener, error) {
	if l := given[key]; l != nil {
		if strings.HasPrefix(l.Addr().String(), "@") {
			return nil, fmt.Errorf("systemd passed an abstract socket for %s, which has no permissions, so that every user of this host could connect: ListenStream= must be a path", key)
		}
		return l, nil
	}
	return listenOn(key, purpose, address)
}
