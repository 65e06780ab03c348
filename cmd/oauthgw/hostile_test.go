package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthgw/internal/config"
	"oauthgw/internal/faultprovider"
	"oauthgw/internal/legacy"
)

// canary is a secret that tests look for in all output.
const canary = "Canary&s3cret=of/one"

// hostileProvider is a provider that misbehaves behind a gateway.
type hostileProvider struct {
	*faultprovider.Provider
	url      string
	mu       sync.Mutex
	arrivals []faultprovider.Observation // of token requests
}

func startHostile(t *testing.T, shares faultprovider.Rates, change ...func(*faultprovider.Config)) *hostileProvider {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &hostileProvider{url: "http://" + l.Addr().String()}
	config := faultprovider.Config{
		PublicURL: "https://login.example.com", Clients: []legacy.Client{{ID: "one", Secret: canary}},
		Rates: shares, LargeSize: 4 << 20, Observe: p.observe,
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

func (p *hostileProvider) observe(a faultprovider.Observation) {
	if a.Path == faultprovider.TokenPath {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.arrivals = append(p.arrivals, a)
	}
}

// take returns the token requests that arrived since it was last called.
func (p *hostileProvider) take() []faultprovider.Observation {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := p.arrivals
	p.arrivals = nil
	return taken
}

// set changes the shares.
func (p *hostileProvider) set(t *testing.T, shares faultprovider.Rates) {
	t.Helper()
	if err := p.SetRates(shares); err != nil {
		t.Fatal(err)
	}
}

// meeting is the response of the gateway to a misbehaviour, and whether the connection to
// the provider may be used again.
type meeting struct {
	status int
	field  string // a header field of the response; empty: the error is the gateway's own
	value  string
	keeps  bool
}

const noStore = "Cache-Control"

// meetings are the responses to the misbehaviours of rows A070 to A085, and to
// connections that end.
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
	"storable":      {200, noStore, "public, max-age=3600", true}, // and no-store after it
	"echoed-secret": {400, noStore, "no-store", true},

	"close-after-request": {status: 502}, "reset-after-request": {status: 502}, "half-close": {status: 502},
}

// TestHostileProvider checks that for each misbehaviour the client gets the response of the
// table on a connection that stays open, that the next request succeeds, and that no code
// arrives twice.
func TestA073A075A076A078A079A080A081A082BrokenResponses(t *testing.T) {
	p := startHostile(t, nil)
	g := startReloading(t, p.url, "log: {level: debug}\n")
	c := &strictClient{test: t, address: g.data}
	for _, m := range faultprovider.Faults() {
		want, here := meetings[m.Name]
		if elsewhere := m.Trigger != faultprovider.OnPost || slowProviders[m.Name] || m.Name == "close-idle"; here == elsewhere {
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
			if len(met) != 1 || met[0].Fault != m.Name || met[0].Authorization || len(next) != 1 {
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
		t.Errorf("got an unsolicited response: %s", a.text)
	}
}

// succeeds redeems a code, which must succeed.
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
	if again := p.RepeatedGrants(); len(again) > 0 || p.Grants() == 0 {
		t.Errorf("%d codes arrived, and again: %q", p.Grants(), again)
	}
}

// slowProviders are the misbehaviours that end with a timeout.
var slowProviders = map[string]bool{"silence": true, "slow-header": true, "slow-body": true, "stalled-body": true}

// TestA074SlowProvider checks that the client gets a 504 in time.
func TestA074SlowProvider(t *testing.T) {
	for name := range slowProviders {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startHostile(t, nil)
			g := startGateway(t, learning(t, p.url, func(c *config.Config) { c.Upstream.Timeout = 500 * time.Millisecond }))
			c := &strictClient{test: t, address: g.data}
			c.succeeds(t, name+"-before")
			p.take()
			meeting{status: 504}.expect(t, c.redeem(t, name, name))
			c.succeeds(t, name+"-honest")
			if arrived := p.take(); len(arrived) != 2 || arrived[0].Connection == arrived[1].Connection {
				t.Errorf("%+v arrived", arrived)
			}
			p.once(t)
		})
	}
}

// TestConnectionClosedUnderARequest checks that a request is not sent again when the
// provider closes the connection under it.
func TestConnectionClosedUnderARequest(t *testing.T) {
	p := startHostile(t, nil)
	g := startGateway(t, learning(t, p.url))
	c := &strictClient{test: t, address: g.data}
	for _, code := range []string{"a", "b", "c"} {
		if a := c.redeem(t, code+"1", "close-idle"); a.StatusCode != 200 {
			t.Errorf("got %d %s", a.StatusCode, a.text)
		}
		if a := c.redeem(t, code+"2", ""); a.StatusCode != 200 {
			meeting{status: 502}.expect(t, a)
		}
		c.succeeds(t, code+"3")
	}
	p.once(t)
}

// TestSpoiltConnections checks that a request is not sent again over a new connection that
// the provider has spoilt.
func TestSpoiltConnections(t *testing.T) {
	for _, name := range []string{"banner-at-once", "close-on-accept"} {
		t.Run(name, func(t *testing.T) {
			p := startHostile(t, nil)
			g := startReloading(t, p.url, "log: {level: debug}\n")
			c := &strictClient{test: t, address: g.data}
			// The gateway does not reuse its connection after this, so the next one is new.
			meeting{status: 502}.expect(t, c.redeem(t, name+"-0", "truncated"))
			p.set(t, faultprovider.Rates{name: 100})
			for _, code := range []string{"-1", "-2"} {
				meeting{status: 502}.expect(t, c.redeem(t, name+code, ""))
			}
			p.set(t, nil)
			c.succeeds(t, name+"-honest")
			p.once(t)
		})
	}
}

// documentMeetings are the misbehaviours of rows A086 to A095, with the status of the
// metadata response of a gateway with configured endpoints and an empty cache.
var documentMeetings = map[string]int{
	"metadata-issuer":     502,
	"metadata-other-host": 200, "metadata-plain-http": 200, "metadata-userinfo": 200, "metadata-link-local": 200, "metadata-file": 200,
	"metadata-changing": 200, "metadata-none": 200,
	"metadata-large": 503, "metadata-endless": 503, "metadata-slow": 503, "metadata-gzip-bomb": 503,
	"metadata-deep": 503, "metadata-nan": 503, "metadata-duplicate": 503, "metadata-truncated": 503,
	"metadata-redirect": 503, "metadata-500": 503,
	"metadata-404": 404, "metadata-html": 404, "metadata-empty": 404,
}

// documentCase is a misbehaviour that three gateways meet: one that has good metadata in
// its cache, one with configured endpoints, and one that has to discover them.
type documentCase struct {
	faultprovider.Fault
	status                  int
	provider                *hostileProvider
	knowing, told, learning *strictClient
	good                    string // the document as it should be
}

const documentAsked = "GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: login.example.com\r\n\r\n"

// TestHostileDocuments checks that clients never get metadata that is incomplete, of another
// issuer or false, that cached metadata is served instead, that no request is sent where a
// document leads, and that the gateway recovers with the provider.
func TestHostileDocuments(t *testing.T) {
	t.Parallel()
	var cases []*documentCase
	for _, m := range faultprovider.Faults() {
		want, here := documentMeetings[m.Name]
		if (m.Trigger == faultprovider.OnMetadata) != here {
			t.Errorf("%s is tested here: %v", m.Name, here)
		}
		if here {
			cases = append(cases, newDocumentCase(t, m, want))
		}
	}
	for _, c := range cases {
		t.Run(c.Row+" "+c.Name, c.expect)
	}
	for _, c := range cases {
		c.provider.set(t, nil)
	}
	for _, c := range cases {
		eventually(t, "recovery from "+c.Name, func() bool { return c.learning.ask(t, documentAsked).text == c.good })
		c.learning.succeeds(t, "recovered")
		c.knowing.succeeds(t, "also")
		c.provider.once(t)
	}
}

func newDocumentCase(t *testing.T, m faultprovider.Fault, status int) *documentCase {
	t.Helper()
	c := &documentCase{Fault: m, status: status, provider: startHostile(t, nil)}
	start := func(endpoints map[string]string) *strictClient {
		g := startGateway(t, learning(t, c.provider.url, func(cfg *config.Config) {
			cfg.Metadata.TTL, cfg.Upstream.Issuer, cfg.Endpoints = time.Millisecond, "https://login.example.com", endpoints
		}))
		return &strictClient{test: t, address: g.data}
	}
	c.knowing = start(nil)
	c.good = c.knowing.ask(t, documentAsked).text
	if !strings.Contains(c.good, "client_secret_basic") {
		t.Fatalf("the well-behaved provider's document is %s", c.good)
	}
	c.provider.set(t, faultprovider.Rates{m.Name: 100})
	c.told, c.learning = start(map[string]string{"token": faultprovider.TokenPath}), start(nil)
	return c
}

func (c *documentCase) expect(t *testing.T) {
	a := c.told.ask(t, documentAsked)
	if a.StatusCode != c.status || a.Header.Get("Content-Type") != "application/json" || a.Header.Get("Location") != "" {
		t.Errorf("got %d %v %s, want %d", a.StatusCode, a.Header, a.text, c.status)
	}
	c.isTrue(t, a)
	c.isTrue(t, c.learning.ask(t, documentAsked))
	c.told.succeeds(t, "told")
	// Without known endpoints no request is sent. A changing document has other paths each
	// time.
	if c.Name == "metadata-changing" {
		return
	}
	c.provider.take()
	if a := c.learning.redeem(t, "learnt", ""); a.StatusCode != http.StatusOK {
		a.isOurs(t)
		if arrived := c.provider.take(); len(arrived) > 0 {
			t.Errorf("arrived without known endpoints: %v", arrived)
		}
	}
	if c.status != http.StatusOK {
		if a := c.knowing.ask(t, documentAsked); a.StatusCode != http.StatusOK || a.text != c.good {
			t.Errorf("the gateway with a cache answers %d %s", a.StatusCode, a.text)
		}
		c.knowing.succeeds(t, "known")
	}
}

// isTrue checks that a client gets nothing of a broken document, and that Basic is not
// advertised for endpoints at another origin.
func (c *documentCase) isTrue(t *testing.T, a clientAnswer) {
	t.Helper()
	switch {
	case a.StatusCode != http.StatusOK && (strings.Contains(a.text, "token_endpoint") || strings.Contains(a.text, "elsewhere")):
		t.Errorf("a document was shown: %s", a.text)
	case a.StatusCode == http.StatusOK && c.Row == "87" && strings.Contains(a.text, `"token_endpoint_auth_methods_supported":["client_secret_post","client_secret_basic"]`):
		t.Errorf("Basic is promised for what does not lead here: %s", a.text)
	}
}

// TestLargeHeaderOfADocument checks that metadata with a large header is not used.
func TestLargeHeaderOfADocument(t *testing.T) {
	for size, want := range map[int]string{8 << 10: "HTTP/1.1 200 ", 40 << 10: "HTTP/1.1 503 "} {
		provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Large", strings.Repeat("x", size))
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"issuer":"https://a"}`)
		}))
		defer provider.Close()
		g := frontedGateway(t, provider.URL)
		if got := send(t, g.data, "GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: a"); !strings.HasPrefix(got, want) {
			t.Errorf("a header of %d bytes: got %s", size, got)
		}
	}
}
