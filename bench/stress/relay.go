package main

import (
	"io"
	"net"
	"sync"
)

// relay carries connections to an address, and can break them all: what a
// balancer or a firewall does that loses its memory.
type relay struct {
	net.Listener
	target string

	mu    sync.Mutex
	pairs map[*net.TCPConn]*net.TCPConn
}

func newRelay(target string) (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{Listener: l, target: target, pairs: map[*net.TCPConn]*net.TCPConn{}}
	go r.serve()
	return r, nil
}

func (r *relay) serve() {
	for {
		in, err := r.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", r.target)
		if err != nil {
			_ = in.Close()
			continue
		}
		r.join(in.(*net.TCPConn), out.(*net.TCPConn))
	}
}

// join carries octets both ways until either end is through.
func (r *relay) join(in, out *net.TCPConn) {
	r.mu.Lock()
	r.pairs[in] = out
	r.mu.Unlock()
	part := func() {
		r.mu.Lock()
		delete(r.pairs, in)
		r.mu.Unlock()
		_, _ = in.Close(), out.Close()
	}
	go func() { _, _ = io.Copy(out, in); part() }()
	go func() { _, _ = io.Copy(in, out); part() }()
}

// sever ends all connections, with resets or in good order, and returns how many.
func (r *relay) sever(reset bool) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	for in, out := range r.pairs {
		for _, c := range []*net.TCPConn{in, out} {
			if reset {
				_ = c.SetLinger(0)
			}
			_ = c.Close()
		}
	}
	return len(r.pairs)
}
