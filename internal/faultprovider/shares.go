package faultprovider

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Rates say how often to misbehave: of a hundred occasions so many, by name. An
// occasion is what the misbehaviour's [Trigger] says. What is left of the
// hundred behaves well.
type Rates map[string]float64

// ParseRates reads shares as they are written in an argument:
// truncated=5,redirect-307=0.5. Empty: none.
func ParseRates(text string) (Rates, error) {
	s := Rates{}
	for piece := range strings.SplitSeq(text, ",") {
		if piece == "" {
			continue
		}
		name, value, _ := strings.Cut(piece, "=")
		share, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not name=share, such as truncated=5", piece)
		}
		if _, twice := s[name]; twice {
			return nil, fmt.Errorf("%s has two shares", name)
		}
		s[name] = share
	}
	return s, s.Validate()
}

// Validate tells every name that is not known and every share that is none, and
// where more than the whole is shared out.
func (s Rates) Validate() error {
	known := byName()
	sum := map[Trigger]float64{}
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(s)) {
		m, ok := known[name]
		if !ok {
			wrong = append(wrong, fmt.Errorf("%s: there is no misbehaviour of that name", name))
			continue
		}
		// Also false of what is not a number.
		if !(s[name] >= 0 && s[name] <= 100) {
			wrong = append(wrong, fmt.Errorf("%s: a share is between 0 and 100", name))
		}
		sum[m.Trigger] += s[name]
	}
	for _, m := range slices.Sorted(maps.Keys(sum)) {
		if sum[m] > 100 {
			wrong = append(wrong, fmt.Errorf("the shares of what happens to a %s are more than 100", m))
		}
	}
	return errors.Join(wrong...)
}

// SetRates changes how often to misbehave from now on. The error is that of
// [Rates.Validate], and then nothing is changed.
func (p *Provider) SetRates(s Rates) error {
	if err := s.Validate(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shares = maps.Clone(s)
	return nil
}

// chosen returns what a request meets: what it asks for by name, or else what is
// drawn. False: it is answered well.
func (p *Provider) chosen(r *http.Request) (Fault, bool) {
	if m, ok := p.known[r.Header.Get(Header)]; ok {
		return m, true
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/.well-known/"):
		return p.draw(OnMetadata)
	case r.Method == http.MethodPost:
		return p.draw(OnPost)
	}
	return Fault{}, false
}

// draw draws what an occasion meets. Each draws exactly once, so that changing a
// share does not shift the sequence.
func (p *Provider) draw(at Trigger) (Fault, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	rest := p.draws[at].Float64() * 100
	// Sorted: the order of a map is not repeatable.
	for _, name := range slices.Sorted(maps.Keys(p.shares)) {
		m := p.known[name]
		if m.Trigger != at {
			continue
		}
		if rest -= p.shares[name]; rest < 0 {
			return m, true
		}
	}
	return Fault{}, false
}
