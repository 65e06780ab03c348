package main

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"oauthgw/internal/faultprovider"
	"oauthgw/internal/legacy"
)

// canary is a secret that is recognised wherever it turns up.
const canary = "Canary&s3cret=of/one"

// hostileProvider is a provider that misbehaves before a gateway.
type hostileProvider struct {
	*faultprovider.Provider
	url      string
	mu       sync.Mutex
	arrivals []faultprovider.Arrival // of token requests
}

func startHostile(t *testing.T, shares faultprovider.Shares, change ...func(*faultprovider.Config)) *hostileProvider {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &hostileProvider{url: "http://" + l.Addr().String()}
	config := faultprovider.Config{
		PublicURL: "https://login.example.com", Clients: []legacy.Client{{ID: "one", Secret: canary}},
		Shares: shares, Volume: 4 << 20, Observe: p.observe,
	}
	for _, c := range change {
		c(&config)
	}
	p.Provider, err = faultprovider.New(config)
	if err == nil {
		err = p.Start(l)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func (p *hostileProvider) observe(a faultprovider.Arrival) {
	if a.Path == faultprovider.TokenPath {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.arrivals = append(p.arrivals, a)
	}
}

// take returns the token requests that arrived since it was last called.
func (p *hostileProvider) take() []faultprovider.Arrival {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := p.arrivals
	p.arrivals = nil
	return taken
}

// set changes the shares.
func (p *hostileProvider) set(t *testing.T, shares faultprovider.Shares) {
	t.Helper()
	if err := p.SetShares(shares); err != nil {
		t.Fatal(err)
	}
}

// meeting is what a client is told of a misbehaviour, and whether the connection
// to the provider may be used again.
type meeting struct {
	status int
	field  string // a header field of the reply; empty: the refusal is the gateway's own
	value  string
	keeps  bool
}

const noStore = "Cache-Control"

// meetings are the rows 70 to 85 of the table of threats, and the connections
// that end.
var meetings = map[string]meeting{
	"no-challenge":             {401, "Www-Authenticate", `Basic realm="https://login.example.com"`, true},
	"invalid-client-400":       {401, "Www-Authenticate", `Basic realm="https://login.example.com"`, true},
	"invalid-client-escaped":   {401, "Www-Authenticate", `Basic realm="https://login.example.com"`, true},
	"invalid-client-403":       {403, noStore, "no-store", true},
	"invalid-client-200":       {200, noStore, "no-store", true},
	"invalid-client-bom":       {400, "Www-Authenticate", "", true},
	"invalid-client-capital":   {400, "Www-Authenticate", "", true},
	"invalid-client-duplicate": {400, "Www-Authenticate", "", true},
	"invalid-client-trailing":  {400, "Www-Authenticate", "", true},
	"invalid-client-array":     {400, "Www-Authenticate", "", true},
	"invalid-client-deep":      {400, "Www-Authenticate", "", true},

	"gzip": {status: 502, keeps: true}, "gzip-bomb": {status: 502, keeps: true},
	"large-body": {status: 502}, "endless-chunks": {status: 502},
	"truncated": {status: 502}, "truncated-header": {status: 502}, "truncated-chunks": {status: 502},
	"reset-in-body": {status: 502}, "half-json": {status: 502},
	"redirect-302": {status: 502, keeps: true}, "redirect-307": {status: 502, keeps: true}, "redirect-308": {status: 502, keeps: true},
	"status-099": {status: 502}, "status-600": {status: 502}, "status-999": {status: 502}, "status-1000": {status: 502},
	"status-101": {status: 502}, "status-204": {status: 502, keeps: true}, "status-205": {status: 502, keeps: true},
	"interim-storm": {200, noStore, "no-store", true}, "early-hints": {200, "Set-Cookie", "", true},
	"length-and-chunks": {status: 502}, "two-lengths": {status: 502}, "signed-length": {status: 502}, "nul-in-header": {status: 502},
	"banner": {status: 502}, "http-2-status-line": {status: 502},
	"second-reply": {200, noStore, "no-store", false},
	"large-header": {status: 502}, "many-fields": {status: 502},
	"chatty":        {200, "Server", "Hostile/1.0", true},
	"html-500":      {500, "Content-Type", "text/html; charset=utf-8", true},
	"storable":      {200, noStore, "public, max-age=3600", true}, // and no-store behind it
	"echoed-secret": {400, noStore, "no-store", true},

	"close-after-request": {status: 502}, "reset-after-request": {status: 502}, "half-close": {status: 502},
}

// Whatever the provider does to a token request, the client is told what the
// table of threats says, on a connection that goes on; the next request is
// answered; and no code arrives twice.
func TestA073A075A076A078A079A080A081A082BrokenResponses(t *testing.T) {
	p := startHostile(t, nil)
	g := startReloading(t, p.url, "log: {level: debug}\n")
	c := &strictClient{test: t, address: g.data}
	for _, m := range faultprovider.Misbehaviours() {
		want, here := meetings[m.Name]
		if elsewhere := m.Moment != faultprovider.Asked || hostileElsewhere[m.Name]; here == elsewhere {
			t.Errorf("%s is tested %v here and %v elsewhere", m.Name, here, elsewhere)
		}
		if !here {
			continue
		}
		t.Run(m.Row+" "+m.Name, func(t *testing.T) {
			want.expect(t, c.redeem(t, m.Name, m.Name))
			met := p.take()
			c.succeeds(t, m.Name+"-honest")
			next := p.take()
			if len(met) != 1 || met[0].Misbehaviour != m.Name || met[0].Authorization || len(next) != 1 {
				t.Fatalf("%+v arrived, and then %+v", met, next)
			}
			if !want.keeps && met[0].Connection == next[0].Connection {
				t.Error("the connection to the provider was used again")
			}
		})
	}
	p.once(t)
}

func (m meeting) expect(t *testing.T, a clientAnswer) {
	t.Helper()
	switch {
	case a.StatusCode != m.status:
		t.Errorf("got %d %v %s, want %d", a.StatusCode, a.Header, a.text, m.status)
	case m.field == "":
		a.isOurs(t)
	case a.Header.Get(m.field) != m.value || !strings.Contains(strings.Join(a.Header[noStore], ","), "no-store"):
		t.Errorf("got %v, want %s: %s", a.Header, m.field, m.value)
	case m.status == 200 && strings.Contains(a.text, faultprovider.UnsolicitedToken):
		t.Errorf("got the reply to nobody: %s", a.text)
	}
}

// succeeds redeems a code as if nothing had happened.
func (c *strictClient) succeeds(t *testing.T, code string) {
	t.Helper()
	a := c.redeem(t, code, "")
	if a.StatusCode != http.StatusOK || !strings.Contains(a.text, faultprovider.TokenPrefix) || strings.Contains(a.text, faultprovider.UnsolicitedToken) {
		t.Errorf("the next request: got %d %s", a.StatusCode, a.text)
	}
}

// once checks that no code arrived twice.
func (p *hostileProvider) once(t *testing.T) {
	t.Helper()
	if again := p.SeenAgain(); len(again) > 0 || p.Seen() == 0 {
		t.Errorf("%d codes arrived, and again: %q", p.Seen(), again)
	}
}
