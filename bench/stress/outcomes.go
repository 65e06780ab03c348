package main

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// notSent is the outcome of a request of which the gateway says that it was not sent.
const notSent = "503 not sent"

// outcomes holds how each code ended as its client saw it: a status, "503 not sent",
// "client left" or "no response". It is safe for concurrent use.
type outcomes struct {
	mu     sync.Mutex
	byCode map[string]string
}

func newOutcomes() *outcomes { return &outcomes{byCode: map[string]string{}} }

// redeem returns a request that sends a code once. With idempotencyKey it carries a
// field that makes some transports repeat it. With leaves the client waits at most 20 ms.
func (o *outcomes) redeem(idempotencyKey, leaves bool) request {
	return func(c *client) (response, error) {
		c.code++
		ctx, cancel := context.Background(), context.CancelFunc(func() {})
		if leaves {
			ctx, cancel = context.WithTimeout(ctx, rand.N(20*time.Millisecond))
		}
		defer cancel()
		r, err := c.sendCode(c.code, secret, nil, func(r *http.Request) {
			r.GetBody = nil // the client's own transport repeats nothing
			*r = *r.WithContext(ctx)
			if idempotencyKey {
				r.Header.Set("Idempotency-Key", tokenFor(c.id, c.code))
			}
		})
		outcome, err := outcomeOf(c, r, err, ctx.Err() != nil)
		o.mu.Lock()
		defer o.mu.Unlock()
		o.byCode[tokenFor(c.id, c.code)] = outcome
		return r, err
	}
}

// outcomeOf names an outcome and returns an error for one that must not happen.
func outcomeOf(c *client, r response, err error, left bool) (string, error) {
	switch {
	case err != nil && left:
		return "client left", nil
	case err != nil:
		return "no response", err
	case r.StatusCode == http.StatusOK:
		return "200", c.checkToken(r)
	}
	switch known := strings.Contains(r.body, `"error":"`); {
	case known && r.StatusCode == http.StatusServiceUnavailable && r.Header.Get("Retry-After") != "" && strings.Contains(r.body, "not sent"):
		return notSent, nil
	case known && (r.StatusCode == http.StatusBadGateway || r.StatusCode == http.StatusGatewayTimeout):
		return fmt.Sprint(r.StatusCode), nil
	}
	return "unknown", fmt.Errorf("code: got %d %v %.200s", r.StatusCode, r.Header, r.body)
}

// counts returns how often each outcome occurred.
func (o *outcomes) counts() map[string]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	counts := map[string]int{}
	for _, outcome := range o.byCode {
		counts[outcome]++
	}
	return counts
}

func (o *outcomes) String() string {
	counts := o.counts()
	var texts []string
	for _, outcome := range slices.Sorted(maps.Keys(counts)) {
		texts = append(texts, fmt.Sprintf("%s: %d", outcome, counts[outcome]))
	}
	return strings.Join(texts, ", ")
}

// compare compares the outcomes with what the provider saw, after all clients have
// stopped. It is wrong if a client has a token for a code that never arrived, or
// "503 not sent" for one that did.
func (o *outcomes) compare(p *provider) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wrong := map[string]int{}
	for code, outcome := range o.byCode {
		if p.seen[code] == 0 && outcome == "200" || p.seen[code] > 0 && outcome == notSent {
			wrong[outcome]++
		}
	}
	text := fmt.Sprintf("%d codes sent, %d received; %s", len(o.byCode), len(p.seen), o)
	if len(wrong) > 0 {
		return text, fmt.Errorf("outcomes that are not true: %v", wrong)
	}
	return text, nil
}
