package main

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// target is whom a load is for: a contender that runs, or the provider.
type target struct {
	*contender
	process *process
}

// crowd is a number of clients of a target that keep their connections.
type crowd struct {
	target
	work  workload
	wires []*wire
	// atOnce is how many may have a request under way. 0: all.
	atOnce int
	// distinct is how many clients each connection has, one after the other.
	// 0: one for ever.
	distinct int
}

// gather connects clients.
func gather(t target, work workload, n int) (*crowd, error) {
	c := &crowd{target: t, work: work}
	for range n {
		w, err := dial(t.process.address)
		if err != nil {
			c.leave()
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
		c.wires = append(c.wires, w)
	}
	return c, nil
}

// leave closes the connections.
func (c *crowd) leave() {
	for _, w := range c.wires {
		_ = w.Close()
	}
}

// each lets as many as may do something at the same time, each with connections of
// its own. The error is the first.
func (c *crowd) each(do func(n int, mine []*wire) error) error {
	atOnce := len(c.wires)
	if c.atOnce > 0 {
		atOnce = c.atOnce
	}
	var wait sync.WaitGroup
	errs := make(chan error, atOnce)
	n := 0
	for mine := range slices.Chunk(c.wires, len(c.wires)/atOnce) {
		n++
		wait.Go(func() {
			if err := do(n, mine); err != nil {
				errs <- err
			}
		})
	}
	wait.Wait()
	close(errs)
	return <-errs
}

// once sends one request.
func (c *crowd) once(w *wire, request []byte) error {
	_ = w.SetDeadline(time.Now().Add(patience))
	head, body, err := w.exchange(request)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", c.name, c.work.name, err)
	}
	return c.work.judge(c.contender, head, body)
}

// closed lets every client send its next request when it has the answer to the one
// before, for a time. It returns how long each took.
func (c *crowd) closed(lasts time.Duration) ([]time.Duration, error) {
	var mu sync.Mutex
	var all []time.Duration
	until := time.Now().Add(lasts)
	err := c.each(func(n int, mine []*wire) error {
		var took []time.Duration
		defer func() {
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
		}()
		request := c.work.request(c.contender, n)
		for i := 0; ; i++ {
			if c.distinct > 0 {
				request = c.work.request(c.contender, n*c.distinct+i%c.distinct)
			}
			begins := time.Now()
			if begins.After(until) {
				return nil
			}
			if err := c.once(mine[i%len(mine)], request); err != nil {
				return err
			}
			took = append(took, time.Since(begins))
		}
	})
	return all, err
}

// open sends requests at a rate per second, whether or not those before are
// answered, as long as a client is left to send them. A request takes from when it
// was due, so that nothing that waits is left out.
func (c *crowd) open(lasts time.Duration, rate int) ([]time.Duration, error) {
	due := schedule(lasts, rate)
	var mu sync.Mutex
	var all []time.Duration
	err := c.each(func(n int, mine []*wire) error {
		request := c.work.request(c.contender, n)
		for at := range due {
			if err := c.once(mine[0], request); err != nil {
				return err
			}
			mu.Lock()
			all = append(all, time.Since(at))
			mu.Unlock()
		}
		return nil
	})
	return all, err
}

// schedule tells when each request is due, at that time. Nobody has to listen.
func schedule(lasts time.Duration, rate int) <-chan time.Time {
	total := int(lasts.Seconds() * float64(rate))
	due := make(chan time.Time, total)
	go func() {
		defer close(due)
		begins := time.Now()
		for i := range total {
			at := begins.Add(time.Duration(i) * time.Second / time.Duration(rate))
			for left := time.Until(at); left > 0; left = time.Until(at) {
				sleep(left)
			}
			due <- at
		}
	}()
	return due
}

// ask sends one request on a connection of its own.
func ask(work workload, c *contender, address string) error {
	w, err := dial(address)
	if err != nil {
		return err
	}
	defer func() { _ = w.Close() }()
	crowd := crowd{target: target{contender: c}, work: work}
	return crowd.once(w, work.request(c, 0))
}
