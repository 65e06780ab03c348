package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"
)

// mixed lets well-behaved and hostile clients use one gateway for a long time. What it
// uses must not grow.
func mixed(ctx context.Context, e *env) (string, error) {
	g, err := e.startGateway(ctx, "")
	if err != nil {
		return "", err
	}
	c := e.wellBehaved(g)
	c.run(ctx, e.scaledTime(10*time.Second))
	before, err := g.resources()
	d := e.scaledTime(e.duration)
	results := startAttackers(ctx, slices.Sorted(maps.Keys(behaviors)), g.data, 20, d)
	l := load{maxPause: 20 * time.Millisecond}
	for _, target := range []string{
		"POST /token", "POST /token?client_secret=NAME", "GET /token", "GET /NAME", "BREW /NAME",
		"GET /.well-known/oauth-authorization-server/NAME", "GET /.well-known/openid-configuration?NAME",
	} {
		l.requests = append(l.requests, unusual(target))
	}
	stop := e.startLoad(ctx, l, e.newClients(16, g.data))
	defer stop()
	sampled := make(chan []resources)
	go func() { sampled <- g.sample(ctx, d) }()
	c.run(ctx, d)
	samples := <-sampled
	stop()
	_ = results()
	n := len(samples) / 3
	middle, last := medians(samples[n:2*n+1]), medians(samples[2*n:]) // caches are full by then
	if last.memory > middle.memory*6/5 || last.files > middle.files*6/5+20 || last.goroutines > middle.goroutines*6/5+20 {
		err = errors.Join(err, fmt.Errorf("resources grew from %v to %v", middle, last))
	}
	err = errors.Join(err, g.waitForRelease(ctx, before))
	after, afterErr := g.resources()
	return fmt.Sprintf("%s; %d codes; before: %v; medians of the middle third and the last: %v and %v; afterwards: %v",
		d, e.provider.codes(), before, middle, last, after), errors.Join(err, afterErr, g.stop(ctx, syscall.SIGINT))
}

// unusual returns a request with ever new names. Any response but 5xx is right.
func unusual(target string) request {
	return func(c *client) (response, error) {
		c.code++
		name := fmt.Sprint(c.id, "-", c.code)
		method, path, _ := strings.Cut(strings.ReplaceAll(target, "NAME", name), " ")
		r, err := c.send(method, path, strings.Repeat("a="+name+"&", int(c.code%50)), func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("X-Forwarded-Host", name)
			r.SetBasicAuth(name, "wrong")
		})
		if err == nil && r.StatusCode >= http.StatusInternalServerError {
			err = fmt.Errorf("%s %s: got %d", method, path, r.StatusCode)
		}
		return r, err
	}
}

// sample reads what the gateway uses a hundred times.
func (g *gateway) sample(ctx context.Context, d time.Duration) (samples []resources) {
	for start := time.Now(); time.Since(start) < d && ctx.Err() == nil; pause(ctx, d/100) {
		if r, err := g.resources(); err == nil {
			samples = append(samples, r)
		}
	}
	return samples
}

func medians(samples []resources) resources {
	median := func(of func(resources) int64) int64 {
		var values []int64
		for _, s := range samples {
			values = append(values, of(s))
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return resources{
		goroutines: median(func(r resources) int64 { return r.goroutines }),
		files:      median(func(r resources) int64 { return r.files }),
		memory:     median(func(r resources) int64 { return r.memory }),
	}
}
