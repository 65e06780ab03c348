package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// mixed lets honest and hostile clients use one gateway for long. What it holds
// must not grow.
func mixed(ctx context.Context, s *site) (string, error) {
	g, err := s.start(ctx, "", nil)
	if err != nil {
		return "", err
	}
	h := s.honest(g)
	h.served(ctx, s.during(10*time.Second))
	before, err := g.standing()
	if err != nil {
		return "", err
	}
	d := s.during(s.lasting)
	var tolls []func() (toll, error)
	for _, kind := range []string{"slow-header", "slow-body", "large-header", "endless-body", "many-fields", "open-fields", "trailers", "announced", "fat-header", "fat-body", "deaf", "deaf-page", "idle"} {
		through, err := s.siege(ctx, kind, g.data, 20, d)
		if err != nil {
			return "", err
		}
		tolls = append(tolls, through)
	}
	var running sync.WaitGroup
	hostile, enough := context.WithTimeout(ctx, d)
	defer enough()
	running.Go(func() { s.pester(hostile, g) })
	running.Go(func() { h.served(hostile, d) })
	held := g.sample(hostile, d)
	running.Wait()
	var opened int64
	for _, through := range tolls {
		t, tollErr := through()
		opened += t.Opened
		err = errors.Join(err, tollErr)
	}
	err = errors.Join(err, held.flat(), g.calmsDown(ctx, before))
	after, standErr := g.standing()
	return fmt.Sprintf("%s; %d hostile connections; %d codes; %s; before %d goroutines and %d descriptors, afterwards %d and %d",
		d, opened, s.provider.codes(), held, before.goroutines, before.descriptors, after.goroutines, after.descriptors), errors.Join(err, standErr, g.stop(ctx, syscall.SIGINT))
}

// pester sends requests with ever other names: of clients, paths, hosts, methods
// and documents. Any answer but one of the gateway's own failing will do.
func (s *site) pester(ctx context.Context, g *gateway) {
	odd := func(method, path, body string, fields ...string) errand {
		return func(c *client) (reply, error) {
			c.code++
			name := fmt.Sprint(c.id, "-", c.code)
			r, err := c.send(method, strings.ReplaceAll(path, "NAME", name), body, func(r *http.Request) {
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				for _, field := range fields {
					r.Header.Add("X-"+field, name)
				}
				r.SetBasicAuth(name, "wrong")
			})
			if err == nil && r.StatusCode >= http.StatusInternalServerError {
				err = fmt.Errorf("%s %s was answered %d", method, path, r.StatusCode)
			}
			return r, err
		}
	}
	l := &load{tally: &s.tally, pause: 20 * time.Millisecond, errands: []errand{
		odd("POST", "/token", "grant_type=authorization_code&code=1"),
		odd("POST", "/token", strings.Repeat("a=1&", 200)),
		odd("POST", "/token", "client_id=other&client_id=another"),
		odd("POST", "/token?client_secret=NAME", ""),
		odd("GET", "/token", ""),
		odd("GET", "/NAME", "", "Forwarded-Host"),
		odd("GET", "/.well-known/oauth-authorization-server/NAME", ""),
		odd("GET", "/.well-known/openid-configuration?NAME", ""),
		odd("BREW", "/NAME", ""),
	}}
	l.begin(ctx, s.clients(16, g.data))
	l.wait()
}

// held is what a gateway held, again and again.
type held struct {
	every       time.Duration
	bytes       []int64
	descriptors []int
	goroutines  []int
}

// sample looks a hundred times at what the gateway holds.
func (g *gateway) sample(ctx context.Context, d time.Duration) *held {
	h := &held{every: d / 100}
	for pause(ctx, h.every); ctx.Err() == nil; pause(ctx, h.every) {
		m, err := g.memory()
		now, standErr := g.standing()
		if err == nil && standErr == nil {
			h.bytes, h.descriptors, h.goroutines = append(h.bytes, m.now), append(h.descriptors, now.descriptors), append(h.goroutines, now.goroutines)
		}
	}
	return h
}

// growth compares the middle of the last third of samples with that of the third
// before it: what is filled once, as a cache is, has been by then.
func growth[T int | int64](samples []T) (T, T) {
	third := len(samples) / 3
	middle := func(s []T) T { s = slices.Sorted(slices.Values(s)); return s[len(s)/2] }
	if third == 0 {
		return 0, 0
	}
	return middle(samples[third : 2*third]), middle(samples[2*third:])
}

// flat fails where something grew by more than chance.
func (h *held) flat() error {
	var err error
	if was, is := growth(h.bytes); is == 0 || is > was+was/5 {
		err = fmt.Errorf("memory went from %s to %s", mib(was), mib(is))
	}
	for what, samples := range map[string][]int{"descriptors": h.descriptors, "goroutines": h.goroutines} {
		if was, is := growth(samples); is > was+was/5+20 {
			err = errors.Join(err, fmt.Errorf("%s went from %d to %d", what, was, is))
		}
	}
	return err
}

// String tells what was held.
func (h *held) String() string {
	m1, m2 := growth(h.bytes)
	d1, d2 := growth(h.descriptors)
	g1, g2 := growth(h.goroutines)
	tenMinutes := float64(m2-m1) / (1 << 20) / ((h.every * time.Duration(len(h.bytes)) / 3).Minutes()) * 10
	return fmt.Sprintf("in the middle third and the last: %s and %s (%+.1f MiB in 10 min), %d and %d descriptors, %d and %d goroutines", mib(m1), mib(m2), tenMinutes, d1, d2, g1, g2)
}
