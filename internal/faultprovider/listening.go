package faultprovider

import (
	"errors"
	"net"
	"time"
)

// errListening says that a provider listens on one address at a time.
var errListening = errors.New("faultprovider: the provider listens already, or is closed")

// Start answers what arrives at the listener, which becomes the provider's, and
// returns at once.
func (p *Provider) Start(l net.Listener) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil || p.life.Err() != nil {
		return errListening
	}
	p.listener, p.network, p.address = l, l.Addr().Network(), l.Addr().String()
	p.all.Go(func() { p.accept(l) })
	return nil
}

// Suspend stops listening: whoever connects is refused. Connections that exist
// go on.
func (p *Provider) Suspend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
}

// Resume listens again where the provider listened last, without TLS.
func (p *Provider) Resume() error {
	p.mu.Lock()
	network, address := p.network, p.address
	p.mu.Unlock()
	l, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	if err := p.Start(l); err != nil {
		return errors.Join(err, l.Close())
	}
	return nil
}

// Reset ends every connection with a reset, as a process that is killed does,
// and goes on listening.
func (p *Provider) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		c.reset()
	}
}

// Kill stops listening and resets every connection: what the other end sees of
// a crash.
func (p *Provider) Kill() {
	p.Suspend()
	p.Reset()
}

// Close kills the provider for good and returns when nothing of it runs.
func (p *Provider) Close() {
	p.end()
	p.Kill()
	p.all.Wait()
}

// accept takes connections until the listener is closed. Any other error, such
// as too many open files, passes.
func (p *Provider) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err == nil:
			p.take(c)
		default:
			select {
			case <-time.After(10 * time.Millisecond):
			case <-p.life.Done():
			}
		}
	}
}

// take begins a conversation, unless the provider was closed meanwhile.
func (p *Provider) take(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.life.Err() != nil {
		_ = c.Close()
		return
	}
	p.accepted++
	taken := newConnection(p, c, p.accepted)
	p.open[taken] = struct{}{}
	p.all.Go(func() {
		p.converse(taken)
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.open, taken)
	})
}
