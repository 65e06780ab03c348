package main

import (
	"fmt"
	"runtime"
	"sync"
	"syscall"
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

// each lets every client do something at the same time. The error is the first.
func (c *crowd) each(do func(n int, w *wire) error) error {
	var wait sync.WaitGroup
	errs := make(chan error, len(c.wires))
	for n, w := range c.wires {
		wait.Go(func() {
			if err := do(n, w); err != nil {
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
	took := make([][]time.Duration, len(c.wires))
	until := time.Now().Add(lasts)
	err := c.each(func(n int, w *wire) error {
		request := c.work.request(c.contender, n)
		for i := 0; ; i++ {
			if c.distinct > 0 {
				request = c.work.request(c.contender, n*c.distinct+i%c.distinct)
			}
			begins := time.Now()
			if begins.After(until) {
				return nil
			}
			if err := c.once(w, request); err != nil {
				return err
			}
			took[n] = append(took[n], time.Since(begins))
		}
	})
	var all []time.Duration
	for _, t := range took {
		all = append(all, t...)
	}
	return all, err
}

// open sends requests at a rate per second, whether or not those before are
// answered, as long as a client is left to send them. A request takes from when it
// was due, so that nothing that waits is left out.
func (c *crowd) open(lasts time.Duration, rate int) ([]time.Duration, error) {
	total := int(lasts.Seconds() * float64(rate))
	due := make(chan time.Time, total)
	go func() {
		defer close(due)
		// Sleeping in the system is exact to 0.1 ms, a Go timer to 1 ms.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		begins := time.Now()
		for i := range total {
			at := begins.Add(time.Duration(i) * time.Second / time.Duration(rate))
			if left := time.Until(at); left > 0 {
				wait := syscall.NsecToTimespec(left.Nanoseconds())
				_ = syscall.Nanosleep(&wait, nil) // a signal makes it early by less than a request
			}
			due <- at
		}
	}()
	var mu sync.Mutex
	var all []time.Duration
	err := c.each(func(n int, w *wire) error {
		request := c.work.request(c.contender, n)
		for at := range due {
			if err := c.once(w, request); err != nil {
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
