package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// The ways in which a request ended that the gateway did not answer.
const (
	endLeft   = "the client left"
	endSilent = "no answer"
)

// account is how each code ended, as its client saw it. It is safe for concurrent
// use.
type account struct {
	mu   sync.Mutex
	ends map[string]string // by code: the status and the reason, or an end above
}

// note takes how a code ended.
func (a *account) note(c *client, end string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ends[tokenFor(c.id, c.code)] = end
}

// redeems returns the errand of sending a code once, as a client does that wants
// it repeated by whoever likes, or does not stay for the answer.
func (a *account) redeems(begs, leaves bool) errand {
	return func(c *client) (reply, error) {
		c.code++
		ctx, cancel := context.Background(), context.CancelFunc(func() {})
		if leaves {
			ctx, cancel = context.WithTimeout(ctx, rand.N(20*time.Millisecond))
		}
		defer cancel()
		r, err := c.tokenWith(c.code, secret, nil, func(r *http.Request) {
			r.GetBody = nil // the client itself sends nothing twice
			*r = *r.WithContext(ctx)
			if begs {
				r.Header.Set("Idempotency-Key", tokenFor(c.id, c.code))
				r.Header.Set("X-Idempotency-Key", tokenFor(c.id, c.code))
			}
		})
		end, err := ending(c, r, err, ctx.Err() != nil)
		a.note(c, end)
		return r, err
	}
}

// ending says how a request ended. The error says that it must not end so.
func ending(c *client, r reply, err error, left bool) (string, error) {
	switch {
	case err != nil && left:
		return endLeft, nil
	case err != nil:
		return endSilent, err
	case r.StatusCode == http.StatusOK:
		return "200", c.worth(r)
	}
	var said struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	err = json.Unmarshal([]byte(r.body), &said)
	switch {
	case err != nil || said.Error == "":
	case r.StatusCode == http.StatusServiceUnavailable && r.Header.Get("Retry-After") != "":
		if strings.Contains(said.Description, "not sent") {
			return "503 not sent", nil
		}
		return "503", nil
	case r.StatusCode == http.StatusBadGateway, r.StatusCode == http.StatusGatewayTimeout:
		return fmt.Sprint(r.StatusCode), nil
	}
	return "odd", fmt.Errorf("a code was answered %d %v %.200s", r.StatusCode, r.Header, r.body)
}

// tell counts the ends.
func (a *account) tell() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	ends := map[string]int{}
	for _, end := range a.ends {
		ends[end]++
	}
	var counted []string
	for _, end := range slices.Sorted(maps.Keys(ends)) {
		counted = append(counted, fmt.Sprintf("%s: %d", end, ends[end]))
	}
	return strings.Join(counted, ", ")
}

// count tells how many ended so.
func (a *account) count(end string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, e := range a.ends {
		if e == end {
			n++
		}
	}
	return n
}

// audit compares how codes ended with what the provider saw of them, once all
// clients are through. The error
// says what cannot be: a code that came twice, a token for a code that never
// came, a code that came and of which the client was told that it was not sent.
func (a *account) audit(seen map[string]int) (string, error) {
	twice, lies := 0, map[string]int{}
	for _, n := range seen {
		if n > 1 {
			twice++
		}
	}
	for code, end := range a.ends {
		if seen[code] == 0 && end == "200" || seen[code] > 0 && end == "503 not sent" {
			lies[end]++
		}
	}
	text := fmt.Sprintf("%d codes sent, %d seen, %d seen twice; %s", len(a.ends), len(seen), twice, a.tell())
	if twice > 0 || len(lies) > 0 {
		return text, fmt.Errorf("%d codes came twice; answers that were untrue: %v", twice, lies)
	}
	return text, nil
}
