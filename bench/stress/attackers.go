package main

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// attackers are hostile clients of one behavior. Each connects again as soon as the
// gateway has closed its connection, from one of many loopback addresses.
type attackers struct {
	name                   string
	opened, failed, closed atomic.Int64 // closed by the gateway
	running                sync.WaitGroup
}

// startAttackers starts n attackers of each behavior. results waits until they end.
func startAttackers(ctx context.Context, names []string, address string, n int, d time.Duration) (results func() string) {
	until := time.Now().Add(d)
	var all []*attackers
	for _, name := range names {
		a := &attackers{name: name}
		all = append(all, a)
		for i := range n {
			a.running.Go(func() {
				pause(ctx, time.Duration(i/50)*10*time.Millisecond)
				a.run(ctx, net.IPv4(127, 0, 1+byte(i/200), 1+byte(i%200)), address, until)
			})
		}
	}
	return func() (text string) {
		for _, a := range all {
			a.running.Wait()
			text += fmt.Sprintf("; %s: %d connections, %d failed attempts, %d closed by the gateway", a.name, a.opened.Load(), a.failed.Load(), a.closed.Load())
		}
		return text
	}
}

func (a *attackers) run(ctx context.Context, from net.IP, address string, until time.Time) {
	dialer := net.Dialer{Timeout: maxWait, LocalAddr: &net.TCPAddr{IP: from}}
	for time.Now().Before(until) && ctx.Err() == nil {
		conn, err := dialer.Dial("tcp", address)
		if err != nil {
			a.failed.Add(1)
			pause(ctx, time.Second)
			continue
		}
		a.opened.Add(1)
		if behaviors[a.name].use(conn.(*net.TCPConn), until) {
			a.closed.Add(1)
		}
		_ = conn.Close()
	}
}
