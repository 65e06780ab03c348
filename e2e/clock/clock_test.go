// Package clock_test sets the clock of a running gateway.
package clock_test

import (
	"net"
	"net/http"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

const year = 365 * 24 * time.Hour

// steps are what the clock is set to, one after the other, ahead of what it is.
var steps = []time.Duration{time.Hour, -time.Hour, 10 * year, -10 * year, 0}

const metadata = "/.well-known/oauth-authorization-server"

// provider counts how often it is asked for metadata. It keeps what says slow until
// it is released, and what says silent for good.
type provider struct {
	*http.Server
	fetched  atomic.Int64
	kept     atomic.Int64
	released chan struct{}
}

// serve begins to serve, or begins again, at an address.
func (p *provider) serve(t *testing.T, address string) string {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	p.Server = &http.Server{Handler: http.HandlerFunc(p.answer)}
	server := p.Server
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return l.Addr().String()
}

func (p *provider) answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == metadata {
		p.fetched.Add(1)
		_, _ = w.Write([]byte(`{"issuer":"https://a.example","token_endpoint":"https://a.example/t"}`))
		return
	}
	if r.FormValue("client_secret") != "right" {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error":"invalid_client"}`))
		return
	}
	switch r.FormValue("code") {
	case "slow":
		p.kept.Add(1)
		<-p.released
	case "silent":
		p.kept.Add(1)
		<-r.Context().Done()
		return
	}
	_, _ = w.Write([]byte(`{"access_token":"a","token_type":"Bearer"}`))
}

// However the clock is set, a deadline, a document's lifetime and a client's time to
// wait stay what they were.
func TestStepsChangeNothing(t *testing.T) {
	p := &provider{}
	g := start(t, "http://"+p.serve(t, "127.0.0.1:0"),
		"metadata: {ttl: 1h}\nclient_auth: {failures: {burst: 3, interval: 10m}}\ntrusted_proxies: [127.0.0.1]\n")
	eventually(t, "ready", func() bool { return get(g.admin+"/-/ready").status == http.StatusOK })
	if a := get(g.clients + metadata); a.status != http.StatusOK {
		t.Fatal(a)
	}
	fetched := p.fetched.Load()
	eventually(t, "having to wait", func() bool { return g.redeem("guesser", "wrong", "1").status == http.StatusTooManyRequests })
	for _, ahead := range steps {
		t.Run(ahead.String(), func(t *testing.T) {
			p.released = make(chan struct{})
			kept := p.kept.Load() + 2
			slow, silent := make(chan answer, 1), make(chan answer, 1)
			go func() { slow <- g.redeem("another", "right", "slow") }()
			go func() { silent <- g.redeem("another", "right", "silent") }()
			eventually(t, "two requests under way", func() bool { return p.kept.Load() == kept })
			g.set(t, ahead)
			eventually(t, "the clock being set", func() bool { return g.tells(ahead) })
			close(p.released)
			if a := <-slow; a.status != http.StatusOK {
				t.Errorf("a request under way: %v", a)
			}
			if a := <-silent; a.status != http.StatusGatewayTimeout {
				t.Errorf("a request that is not answered: %v", a)
			}
			if a := get(g.clients + metadata); a.status != http.StatusOK || !few(a.header.Get("Age")) || p.fetched.Load() != fetched {
				t.Errorf("fetched %d times, then %d, the document: %v", fetched, p.fetched.Load(), a)
			}
			if a := g.redeem("guesser", "wrong", "1"); a.status != http.StatusTooManyRequests || !few(a.header.Get("Retry-After")) {
				t.Errorf("a client that has to wait: %v", a)
			}
			if age := ageIn.FindStringSubmatch(get(g.admin + "/metrics").body); age == nil || !few(age[1]) {
				t.Errorf("the metadata's age: %v", age)
			}
		})
	}
}

var ageIn = regexp.MustCompile(`(?m)^oauthgw_metadata_age_seconds (\S+)$`)

// few reports whether a text is a number of seconds from 0 to 10 minutes.
func few(text string) bool {
	n, err := strconv.ParseFloat(text, 64)
	return err == nil && n >= 0 && n <= 600
}

// A provider that was away is found again, whatever the clock says meanwhile.
func TestStepsKeepNobodyAway(t *testing.T) {
	p := &provider{}
	address := p.serve(t, "127.0.0.1:0")
	g := start(t, "http://"+address, "endpoints: {token: /t}\n")
	for _, ahead := range steps {
		t.Run(ahead.String(), func(t *testing.T) {
			_ = p.Close()
			// More than it takes to be left alone.
			for range 50 {
				if a := g.redeem("client", "right", "1"); a.status != http.StatusServiceUnavailable && a.status != http.StatusBadGateway {
					t.Fatalf("a provider that is away: %v", a)
				}
			}
			g.set(t, ahead)
			eventually(t, "the clock being set", func() bool { return g.tells(ahead) })
			p.serve(t, address)
			eventually(t, "an answer", func() bool { return g.redeem("client", "right", "1").status == http.StatusOK })
		})
	}
}
