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

// Rates are the percentages of requests or connections with a fault, by its name. What a
// percentage is of depends on the fault's [Trigger].
type Rates map[string]float64

// ParseRates parses rates such as truncated=5,redirect-307=0.5.
func ParseRates(text string) (Rates, error) {
	r := Rates{}
	for piece := range strings.SplitSeq(text, ",") {
		if piece == "" {
			continue
		}
		name, value, _ := strings.Cut(piece, "=")
		rate, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not name=percentage, such as truncated=5", piece)
		}
		if _, ok := r[name]; ok {
			return nil, fmt.Errorf("%s has two rates", name)
		}
		r[name] = rate
	}
	return r, r.Validate()
}

// Validate reports unknown faults, invalid rates, and a sum above 100.
func (r Rates) Validate() error {
	faults := byName()
	sum := map[Trigger]float64{}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(r)) {
		f, ok := faults[name]
		if !ok {
			errs = append(errs, fmt.Errorf("%s: unknown fault", name))
			continue
		}
		if !(r[name] >= 0 && r[name] <= 100) { // or NaN
			errs = append(errs, fmt.Errorf("%s: a rate is between 0 and 100", name))
		}
		sum[f.Trigger] += r[name]
	}
	for _, t := range slices.Sorted(maps.Keys(sum)) {
		if sum[t] > 100 {
			errs = append(errs, fmt.Errorf("the rates for a %s are more than 100", t))
		}
	}
	return errors.Join(errs...)
}

// SetRates changes the rates if they are valid.
func (p *Provider) SetRates(r Rates) error {
	if err := r.Validate(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rates = maps.Clone(r)
	return nil
}

// choose returns the fault that a request asks for by name or, if it names none, a random one.
func (p *Provider) choose(r *http.Request) (Fault, bool) {
	if f, ok := p.faults[r.Header.Get(Header)]; ok {
		return f, true
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/.well-known/"):
		return p.draw(OnMetadata)
	case r.Method == http.MethodPost:
		return p.draw(OnPost)
	}
	return Fault{}, false
}

// draw returns a random fault, or none. It uses one random number, so that other rates do not
// shift the sequence.
func (p *Provider) draw(t Trigger) (Fault, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	rest := p.random[t].Float64() * 100
	for _, name := range slices.Sorted(maps.Keys(p.rates)) {
		f := p.faults[name]
		if f.Trigger != t {
			continue
		}
		if rest -= p.rates[name]; rest < 0 {
			return f, true
		}
	}
	return Fault{}, false
}
