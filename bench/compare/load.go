package main

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"
)

// maxInFlight is how many requests are in flight at once at most: with 512 the gateway
// begins to refuse.
const maxInFlight = 256

// clients are connections to one process that send requests of one workload.
type clients struct {
	process  *process
	workload *workload
	conns    []*conn
}

// connect opens n connections.
func connect(p *process, w *workload, n int) (*clients, error) {
	c := &clients{process: p, workload: w}
	for range n {
		conn, err := dial(p.address)
		if err != nil {
			c.close()
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		c.conns = append(c.conns, conn)
	}
	return c, nil
}

func (c *clients) close() {
	for _, conn := range c.conns {
		_ = conn.Close()
	}
}

// send sends a request and checks the response.
func (c *clients) send(conn *conn, request []byte) error {
	head, body, err := conn.roundTrip(request)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", c.process.name, c.workload.name, err)
	}
	return c.workload.check(c.process.contender, head, body)
}

// sendInTurn opens connections, sends token requests of different clients one after
// the other, each on the next connection, and returns the open connections.
func sendInTurn(p *process, connections, requests int) (*clients, error) {
	c, err := connect(p, token, connections)
	if err != nil {
		return nil, err
	}
	for n := range requests {
		if err := c.send(c.conns[n%connections], token.request(p.contender, n)); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

// run sends requests on all connections, each when next returns, and returns their
// latencies since the time that next returned.
func (c *clients) run(next func() (start time.Time, ok bool)) ([]time.Duration, error) {
	if c.workload.prepare != nil {
		c.workload.prepare()
	}
	perClient := (len(c.conns) + maxInFlight - 1) / maxInFlight
	groups := slices.Collect(slices.Chunk(c.conns, perClient))
	latencies, errs := make([][]time.Duration, len(groups)), make([]error, len(groups))
	var wait sync.WaitGroup
	for client, conns := range groups {
		wait.Go(func() {
			request := c.workload.request(c.process.contender, client)
			for start, ok := next(); ok && request != nil; start, ok = next() {
				n := len(latencies[client])
				if errs[client] = c.send(conns[n%len(conns)], request); errs[client] != nil {
					return
				}
				latencies[client] = append(latencies[client], time.Since(start))
				if c.workload.prepare != nil {
					request = c.workload.request(c.process.contender, client)
				}
			}
		})
	}
	wait.Wait()
	return slices.Concat(latencies...), cmp.Or(errs...)
}

// closedLoop starts a request when the response to the last one has arrived.
func closedLoop(duration time.Duration) func() (time.Time, bool) {
	begin := sync.OnceValue(time.Now) // so that there is at least one request
	return func() (time.Time, bool) {
		now := time.Now()
		return now, now.Before(begin().Add(duration))
	}
}

// openLoop starts requests at a rate per second, whether or not earlier ones have a
// response. A request that has to wait for a connection starts late, and its latency
// includes that time.
func openLoop(duration time.Duration, rate int) func() (time.Time, bool) {
	n := int(duration.Seconds() * float64(rate))
	due := make(chan time.Time, n)
	go func() {
		defer close(due)
		begin := time.Now()
		for i := range n {
			start := begin.Add(time.Duration(i) * time.Second / time.Duration(rate))
			for wait := time.Until(start); wait > 0; wait = time.Until(start) {
				sleep(wait)
			}
			due <- start
		}
	}()
	return func() (time.Time, bool) {
		start, ok := <-due
		return start, ok
	}
}
