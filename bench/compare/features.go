package main

import (
	"fmt"
	"regexp"
	"slices"
)

// feature is something that the gateway does, with a request that shows whether a
// contender does it too.
type feature struct {
	name     string
	request  []byte
	response *regexp.Regexp // that has the feature
}

var (
	basicRequest = newTokenRequest(basic("client-0", secret), "")
	wrongSecret  = newTokenRequest("", "&client_id=client-0&client_secret=wrong")
	isBadRequest = regexp.MustCompile(`^HTTP/1.1 400 `)
	hasChallenge = regexp.MustCompile(`(?is)^HTTP/1.1 401 .*\r\nWWW-Authenticate: Basic `)
)

var features = []feature{
	{"moves Basic credentials into the form", basicRequest, regexp.MustCompile(token.rewritten)},
	{"refuses Basic with a different secret in the form", newTokenRequest(basic("client-0", secret), "&client_secret=other"), isBadRequest},
	{"refuses Basic with a client assertion", newTokenRequest(basic("client-0", secret), "&client_assertion=e30.e30.e30"), isBadRequest},
	{"refuses a repeated parameter", newTokenRequest(basic("client-0", secret), "&code=again"), isBadRequest},
	{"answers malformed Basic with 401 and a challenge", newTokenRequest("Authorization: Basic !!!\r\n", ""), hasChallenge},
	{"adds a challenge to a 401", wrongSecret, hasChallenge},
	{"adds `no-store` to a 401", wrongSecret, regexp.MustCompile(`(?i)\r\nCache-Control: no-store\r\n`)},
	{"turns 400 `invalid_client` into 401 with a challenge", newTokenRequest(basic("client-0", unknownSecret), ""), hasChallenge},
	{"offers Basic in the metadata", metadata.request(nil, 0), regexp.MustCompile(metadata.rewritten)},
	{"registers clients for Basic", registration.request(nil, 0), regexp.MustCompile(registration.rewritten)},
}

// compareFeatures returns a table of what each contender does, except those that are
// there for their speed only.
func compareFeatures(processes []*process) (string, error) {
	processes = slices.DeleteFunc(slices.Clone(processes), func(p *process) bool {
		return p.contender == direct || p.contender == slack || p.contender == tuned || p.contender == floor
	})
	columns := []string{""}
	for _, p := range processes {
		columns = append(columns, p.name)
	}
	table := header(columns...)
	for _, f := range features {
		cells := []string{f.name}
		for _, p := range processes {
			cell, err := p.tryFeature(f)
			if err != nil {
				return "", fmt.Errorf("%s: %s: %w", p.name, f.name, err)
			}
			cells = append(cells, cell)
		}
		table += row(cells...)
	}
	return table, nil
}

func (p *process) tryFeature(f feature) (cell string, err error) {
	c, err := dial(p.address)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	head, body, err := c.roundTrip(f.request)
	if f.response.Match(slices.Concat(head, body)) {
		return "yes", err
	}
	return "–", err
}
