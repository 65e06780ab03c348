package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
)

// Notify reports a state of sd_notify(3) and a status to systemd if NOTIFY_SOCKET is set.
func Notify(log *slog.Logger, state, status string) {
	if state == daemon.SdNotifyReloading {
		state += "\n" + strings.TrimSpace(daemon.SdNotifyMonotonicUsec())
	}
	notify(log, state+"\nSTATUS="+status)
}

// notify blocks if systemd does not read its socket. Then it supervises nothing anyway.
func notify(log *slog.Logger, message string) {
	if _, err := daemon.SdNotify(false, message); err != nil {
		log.Warn("systemd notification failed", "err", err.Error())
	}
}

// ServeWatchdog notifies the watchdog of systemd, if it is enabled, until ctx is done.
func ServeWatchdog(ctx context.Context, log *slog.Logger) {
	timeout, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("systemd watchdog notifications disabled", "err", err.Error())
	}
	if timeout == 0 {
		return
	}
	for tick := time.Tick(timeout / 2); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick:
			notify(log, daemon.SdNotifyWatchdog)
		}
	}
}

// Sockets are the listeners that systemd passed, by the key, such as admin.listen.
type Sockets map[string]net.Listener

// ActivationListeners returns the sockets that systemd passed to this process
// (sd_listen_fds(3)), and unsets the environment variables that describe them.
func ActivationListeners() (Sockets, error) {
	files := activation.Files(true)
	sockets := Sockets{}
	for _, f := range files {
		key, err := socketKey(f.Name(), len(files) == 1)
		if err != nil {
			return nil, err
		}
		if sockets[key] != nil {
			return nil, fmt.Errorf("systemd passed two sockets for %s: pass only one", key)
		}
		l, err := net.FileListener(f)
		if err != nil {
			return nil, fmt.Errorf("the socket that systemd passed for %s is not a listening socket: %w", key, err)
		}
		_ = f.Close() // the listener has its own descriptor
		sockets[key] = l
	}
	return sockets, nil
}

// socketKey returns the key whose address a socket replaces. Without FileDescriptorName=
// systemd names a socket after the unit, or not at all.
func socketKey(name string, single bool) (string, error) {
	unnamed := strings.HasSuffix(name, ".socket") || strings.HasPrefix(name, "LISTEN_FD_") || name == "unknown"
	switch {
	case name == "listen", unnamed && single:
		return "listen", nil
	case name == "admin":
		return "admin.listen", nil
	}
	return "", fmt.Errorf("systemd passed a socket named %q: FileDescriptorName= must be listen or admin", name)
}
