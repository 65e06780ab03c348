package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"
)

// retryAfter is how long a client has to wait that was refused for want of room.
const retryAfter = time.Second

// holding counts the token requests that a slow provider has under way.
type holding struct{ now, most atomic.Int64 }

// takes returns what makes a provider take that long.
func (h *holding) takes(d time.Duration) func(http.ResponseWriter, *http.Request) {
	return func(http.ResponseWriter, *http.Request) {
		n := h.now.Add(1)
		for most := h.most.Load(); n > most && !h.most.CompareAndSwap(most, n); most = h.most.Load() {
		}
		time.Sleep(d)
		h.now.Add(-1)
	}
}

// slow offers a provider that takes two seconds three times as many requests as
// the gateway has under way at most. The rest must be refused at once, and neither
// metadata nor pages may be affected.
func slow(ctx context.Context, s *site) (string, error) {
	g, err := s.start(ctx, "", nil)
	if err != nil {
		return "", err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var calm, meanwhile, refusals spans
	bystanders := s.clients(8, g.data)
	watch := func(ctx context.Context, into *spans) *load {
		l := &load{tally: &s.tally, errands: []errand{into.of(discover), into.of(browse)}, pause: 20 * time.Millisecond}
		l.begin(ctx, bystanders)
		return l
	}
	undisturbed, enough := context.WithTimeout(watching, s.during(5*time.Second))
	watch(undisturbed, &calm).wait()
	enough()

	var h holding
	s.provider.before = h.takes(2 * time.Second)
	a := &account{ends: map[string]string{}}
	offering, enough := context.WithTimeout(watching, s.during(20*time.Second))
	defer enough()
	crowd := &load{tally: &s.tally, errands: []errand{refusals.refused(a.redeems(false, false))}, pause: 200 * time.Millisecond, check: rest(retryAfter)}
	crowd.begin(offering, s.clients(3*slots, g.data))
	aside := watch(offering, &meanwhile)
	crowd.wait()
	aside.wait()
	m, memErr := g.memory()
	err = errors.Join(err, memErr)
	if n := h.most.Load(); n > slots || n < slots/2 || a.count("503 not sent") == 0 {
		err = errors.Join(err, fmt.Errorf("the provider had %d under way", n))
	}
	if m.most > 200<<20 {
		err = errors.Join(err, fmt.Errorf("the gateway held %s", mib(m.most)))
	}
	return fmt.Sprintf("%s; at most %d at the provider; refused within %s (half) and %s (99 %%); metadata and pages %s; the gateway held %s at most",
			a.tell(), h.most.Load(), short(refusals.quantile(.5)), short(refusals.quantile(.99)), meanwhile.against(&calm), mib(m.most)),
		errors.Join(err, g.stop(ctx, syscall.SIGINT))
}

// refused returns an errand of which only refusals are timed.
func (s *spans) refused(e errand) errand {
	return func(c *client) (reply, error) {
		start := time.Now()
		r, err := e(c)
		if r.Response != nil && r.StatusCode == http.StatusServiceUnavailable {
			s.add(time.Since(start))
		}
		return r, err
	}
}
