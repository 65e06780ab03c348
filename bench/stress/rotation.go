package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"
)

// handshakes counts the handshakes of a client, and remembers which certificate
// the last full one showed.
type handshakes struct {
	anew                  bool // each is a full one
	full, resumed, serial atomic.Int64
}

// observe notes a handshake that succeeded. The certificate of one that resumed a
// session is that of the session.
func (h *handshakes) observe(state tls.ConnectionState) error {
	if state.DidResume {
		h.resumed.Add(1)
		return nil
	}
	h.full.Add(1)
	h.serial.Store(state.PeerCertificates[0].SerialNumber.Int64())
	return nil
}

// rotate replaces the certificate of the listener, again and again. No handshake
// may fail, and clients that connect anew must be shown each certificate.
func rotate(ctx context.Context, s *site) (string, error) {
	a, err := newAuthority()
	if err != nil {
		return "", err
	}
	if err := s.certify(a); err != nil {
		return "", err
	}
	g, err := s.start(ctx, fmt.Sprintf("tls: {cert_file: %q, key_file: %q}\n", s.file("crt"), s.file("key")), nil)
	if err != nil {
		return "", err
	}
	loading, enough := context.WithCancel(ctx)
	defer enough()
	l := &load{tally: &s.tally, errands: []errand{redeem, guess}, pause: 20 * time.Millisecond}
	seen := s.beginKinds(loading, l, a, g.data)
	total := s.times(20)
	for i := range total {
		if err = s.certify(a); err != nil {
			break
		}
		if err = g.shows(ctx, seen, a.issued, i); err != nil {
			break
		}
	}
	enough()
	l.wait()
	var full, resumed int64
	for _, h := range seen {
		full, resumed = full+h.full.Load(), resumed+h.resumed.Load()
	}
	if resumed == 0 {
		err = errors.Join(err, errors.New("no session was resumed"))
	}
	counted := fmt.Sprintf("%d certificates, %d full handshakes, %d resumed ones, %d codes", total, full, resumed, s.provider.codes())
	return counted, errors.Join(err, g.stop(ctx, syscall.SIGINT))
}

// certify writes a new certificate and its key, one after the other as there is
// no other way.
func (s *site) certify(a *authority) error {
	certificate, key, err := a.issue()
	if err != nil {
		return err
	}
	return errors.Join(replace(s.file("crt"), certificate), replace(s.file("key"), key))
}

// shows tells the gateway that there is a new certificate, or leaves it to find
// out, and waits until all clients that connect anew have been shown it.
func (g *gateway) shows(ctx context.Context, seen []*handshakes, serial int64, i int) error {
	switch i % 5 {
	case 0: // it finds the change by itself, within seconds
	case 1, 3:
		if err := g.signal(syscall.SIGHUP); err != nil {
			return err
		}
	default:
		if status, text, err := g.operate(http.MethodPost, "/-/reload"); err != nil || status != http.StatusOK {
			return fmt.Errorf("a reload was answered %d %s %w", status, text, err)
		}
	}
	return await(ctx, fmt.Sprintf("certificate %d to be shown to all", serial), func() bool {
		for _, h := range seen {
			if h.anew && h.serial.Load() != serial {
				return false
			}
		}
		return true
	})
}

// beginKinds starts clients that connect anew for every request, in both versions
// of TLS, clients that resume sessions, and clients that keep connections.
func (s *site) beginKinds(ctx context.Context, l *load, a *authority, address string) []*handshakes {
	var seen []*handshakes
	for i, plain := range s.clients(32, address) {
		h := &handshakes{}
		config := &tls.Config{RootCAs: a.trust(), ServerName: publicHost, VerifyConnection: h.observe, MinVersion: tls.VersionTLS12}
		closes := true
		switch i % 4 {
		case 0:
			h.anew = true
		case 1:
			h.anew, config.MaxVersion = true, tls.VersionTLS12
		case 2:
			config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		case 3:
			closes = false
		}
		c := clientAt(plain.id, address, config)
		if closes {
			c.header.Set("Connection", "close")
		}
		seen = append(seen, h)
		l.begin(ctx, []*client{c})
	}
	return seen
}
