package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A crowd of attackers is a process of its own, so that it has descriptors of its
// own. Its arguments are the kind, the gateway's address, how many connections it
// has open at a time, and for how long.
type crowd struct {
	kind
	address string
	until   time.Time

	count  toll
	failed atomic.Int64
	ended  [6]atomic.Int64 // by the first digit of the status; 0: without an answer
	opened atomic.Int64
	mu     sync.Mutex // of the longest life
}

// toll is what a crowd says of itself at the end.
type toll struct {
	Opened, Failed int64            // connections, and attempts
	Ended          map[string]int64 // those that the gateway ended, by what it said
	Longest        time.Duration    // that one of them lasted
}

// besiege is the role of a crowd.
func besiege(arguments []string) error {
	go endWithInput()
	n, err := strconv.Atoi(arguments[2])
	if err != nil {
		return err
	}
	d, err := time.ParseDuration(arguments[3])
	if err != nil {
		return err
	}
	c := &crowd{kind: kinds[arguments[0]], address: arguments[1], until: time.Now().Add(d)}
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { c.attack(i) })
		if i%50 == 49 {
			time.Sleep(10 * time.Millisecond)
		}
	}
	all.Wait()
	c.count.Opened, c.count.Failed, c.count.Ended = c.opened.Load(), c.failed.Load(), map[string]int64{}
	for digit := range c.ended {
		if n := c.ended[digit].Load(); n > 0 {
			c.count.Ended[[]string{"no answer", "1xx", "2xx", "3xx", "4xx", "5xx"}[digit]] = n
		}
	}
	return json.NewEncoder(os.Stdout).Encode(c.count)
}

// attack connects again and again, from one of many addresses.
func (c *crowd) attack(i int) {
	dialer := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1+byte(i/200), 1+byte(i%200))}}
	for time.Now().Before(c.until) {
		conn, err := dialer.Dial("tcp", c.address)
		if err != nil {
			c.failed.Add(1)
			time.Sleep(time.Second)
			continue
		}
		c.opened.Add(1)
		start := time.Now()
		if digit, ended := c.behave(conn, c.until); ended {
			c.ended[digit].Add(1)
			c.mu.Lock()
			c.count.Longest = max(c.count.Longest, time.Since(start))
			c.mu.Unlock()
		}
		_ = conn.Close()
	}
}

// siege starts a crowd. What it returns waits until the crowd is through.
func (s *site) siege(ctx context.Context, kind, address string, n int, d time.Duration) (through func() (toll, error), err error) {
	c, err := runAs(ctx, "crowd", kind, address, strconv.Itoa(n), d.String())
	if err != nil {
		return nil, err
	}
	return func() (toll, error) {
		defer c.kill()
		var t toll
		err := json.NewDecoder(c.output).Decode(&t)
		return t, err
	}, nil
}

// String tells a toll in words.
func (t toll) String() string {
	var ends []string
	for _, end := range []string{"no answer", "2xx", "4xx", "5xx"} {
		if n := t.Ended[end]; n > 0 {
			ends = append(ends, fmt.Sprintf("%d with %s", n, end))
		}
	}
	return fmt.Sprintf("%d connections, %d failed attempts, ended: %s, the longest lasted %s", t.Opened, t.Failed, strings.Join(ends, ", "), short(t.Longest))
}
