package main

import (
	"net/http"
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

// faultyProvider is a provider that misbehaves behind a gateway.
type faultyProvider struct {
	*faultprovider.Provider
	url      string
	mu       sync.Mutex
	arrivals []faultprovider.Observation // of token requests
}

func startFaultyProvider(t *testing.T, change ...func(*faultprovider.Config)) *faultyProvider {
	t.Helper()
	l, url := listenRaw(t, "tcp")
	p := &faultyProvider{url: url}
	config := faultprovider.Config{
		PublicURL: "https://login.example.com", Clients: []legacy.Client{{ID: "one", Secret: canary}},
		LargeSize: 4 << 20, Observe: p.observe,
	}
	for _, c := range change {
		c(&config)
	}
	var err error
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

func (p *faultyProvider) observe(a faultprovider.Observation) {
	if a.Path == faultprovider.TokenPath {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.arrivals = append(p.arrivals, a)
	}
}

// takeArrivals returns the token requests that arrived since it was last called.
func (p *faultyProvider) takeArrivals() []faultprovider.Observation {
	p.mu.Lock()
	defer p.mu.Unlock()
	taken := p.arrivals
	p.arrivals = nil
	return taken
}

// setRates changes the shares.
func (p *faultyProvider) setRates(t *testing.T, shares faultprovider.Rates) {
	t.Helper()
	if err := p.SetRates(shares); err != nil {
		t.Fatal(err)
	}
}

// faultResponse is the response of the gateway to a fault, and whether the connection to
// the provider may be used again.
type faultResponse struct {
	status int
	field  string // a header field of the response; empty: the error is the gateway's own
	value  string
	keeps  bool
}

const noStore = "Cache-Control"

// faultResponses are the responses to the faults of rows A070 to A085, and to
// connections that end.
var faultResponses = map[string]faultResponse{
	"no-challenge":             {401, "Www-Authenticate", `Basic realm="https://login.example.com"`, true},
	"invalid-client-400":       {401, "Www-Authenticate", `Basic realm="https://login.example.com"`, true},
	"invalid-client-escaped":   {401, "Www-Authenticate", `Basic realm="https://login.example.com"`, true},
	"invalid-client-403":       {403, noStore, "no-store", true},
	"invalid-client-200":       {200, noStore, "no-store", true},
	"invalid-client-bom":       {401, "Www-Authenticate", `Basic realm="https://login.example.com"`, true},
	"invalid-client-capital":   {400, "Www-Authenticate", "", true},
	"invalid-client-duplicate": {400, "Www-Authenticate", "", true},
	"invalid-client-trailing":  {400, "Www-Authenticate", "", true},
	"invalid-client-array":     {400, "Www-Authenticate", "", true},
	"invalid-client-deep":      {400, "Www-Authenticate", "", true},

	"gzip": {200, "Content-Encoding", "", true}, "gzip-bomb": {status: 502, keeps: true},
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

// TestA073A075A076A078A079A080A081A082BrokenResponses checks that for each fault the client gets the response of the
// table on a connection that stays open, that the next request succeeds, and that no code
// arrives twice.
func TestA073A075A076A078A079A080A081A082BrokenResponses(t *testing.T) {
	p := startFaultyProvider(t)
	g := startProgram(t, p.url, "log: {level: debug}\n")
	c := &strictClient{test: t, address: g.data}
	for _, m := range faultprovider.Faults() {
		want, here := faultResponses[m.Name]
		if elsewhere := m.Trigger != faultprovider.OnPost || slowFaults[m.Name] || m.Name == "close-idle"; here == elsewhere {
			t.Errorf("%s is tested %v here and %v elsewhere", m.Name, here, elsewhere)
		}
		if !here {
			continue
		}
		t.Run(m.Row+" "+m.Name, func(t *testing.T) {
			want.expect(t, c.redeem(t, m.Name, m.Name))
			met := p.takeArrivals()
			c.expectSuccess(t, m.Name+"-honest")
			next := p.takeArrivals()
			if len(met) != 1 || met[0].Fault != m.Name || met[0].Authorization || len(next) != 1 {
				t.Fatalf("%+v arrived, and then %+v", met, next)
			}
			if !want.keeps && met[0].Connection == next[0].Connection {
				t.Error("the connection to the provider was used again")
			}
		})
	}
	p.expectNoRepeats(t)
}

func (m faultResponse) expect(t *testing.T, a clientResponse) {
	t.Helper()
	switch {
	case a.StatusCode != m.status:
		t.Errorf("got %d %v %s, want %d", a.StatusCode, a.Header, a.text, m.status)
	case m.field == "":
		a.expectOwnError(t)
	case a.Header.Get(m.field) != m.value || !strings.Contains(strings.Join(a.Header[noStore], ","), "no-store"):
		t.Errorf("got %v, want %s: %s", a.Header, m.field, m.value)
	case m.status == 200 && strings.Contains(a.text, faultprovider.UnsolicitedToken):
		t.Errorf("got an unsolicited response: %s", a.text)
	}
}

// expectSuccess redeems a code, which must succeed.
func (c *strictClient) expectSuccess(t *testing.T, code string) {
	t.Helper()
	a := c.redeem(t, code, "")
	if a.StatusCode != http.StatusOK || !strings.Contains(a.text, faultprovider.TokenPrefix) || strings.Contains(a.text, faultprovider.UnsolicitedToken) {
		t.Errorf("the next request: got %d %s", a.StatusCode, a.text)
	}
}

// expectNoRepeats checks that no code arrived twice.
func (p *faultyProvider) expectNoRepeats(t *testing.T) {
	t.Helper()
	if again := p.RepeatedGrants(); len(again) > 0 || p.Grants() == 0 {
		t.Errorf("%d codes arrived, and again: %q", p.Grants(), again)
	}
}

// slowFaults are the faults that end with a timeout.
var slowFaults = map[string]bool{"silence": true, "slow-header": true, "slow-body": true, "stalled-body": true}

// TestR63A074SlowProvider checks that the client gets a 504 in time.
func TestR63A074SlowProvider(t *testing.T) {
	for name := range slowFaults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startFaultyProvider(t)
			g := startGateway(t, testSettings(t, p.url, func(c *config.Config) { c.Upstream.Timeout = 500 * time.Millisecond }))
			c := &strictClient{test: t, address: g.data}
			c.expectSuccess(t, name+"-before")
			p.takeArrivals()
			faultResponse{status: 504}.expect(t, c.redeem(t, name, name))
			c.expectSuccess(t, name+"-honest")
			if arrived := p.takeArrivals(); len(arrived) != 2 || arrived[0].Connection == arrived[1].Connection {
				t.Errorf("%+v arrived", arrived)
			}
			p.expectNoRepeats(t)
		})
	}
}

// TestConnectionClosedUnderARequest checks that a request is not sent again when the provider
// closes the connection under it.
func TestConnectionClosedUnderARequest(t *testing.T) {
	p := startFaultyProvider(t)
	c := &strictClient{test: t, address: startGateway(t, testSettings(t, p.url)).data}
	for _, code := range []string{"a", "b", "c"} {
		if a := c.redeem(t, code+"1", "close-idle"); a.StatusCode != 200 {
			t.Errorf("got %d %s", a.StatusCode, a.text)
		}
		if a := c.redeem(t, code+"2", ""); a.StatusCode != 200 {
			faultResponse{status: 502}.expect(t, a)
		}
		c.expectSuccess(t, code+"3")
	}
	p.expectNoRepeats(t)
}

// TestR63SpoiltConnections checks that a request is not sent again over a new connection that
// the provider has spoilt.
func TestR63SpoiltConnections(t *testing.T) {
	p := startFaultyProvider(t)
	c := &strictClient{test: t, address: startGateway(t, testSettings(t, p.url)).data}
	for _, name := range []string{"banner-at-once", "close-on-accept"} {
		// The gateway does not reuse its connection after this, so the next one is new.
		faultResponse{status: 502}.expect(t, c.redeem(t, name+"-0", "truncated"))
		p.setRates(t, faultprovider.Rates{name: 100})
		for _, code := range []string{"-1", "-2"} {
			faultResponse{status: 502}.expect(t, c.redeem(t, name+code, ""))
		}
		p.setRates(t, nil)
		c.expectSuccess(t, name+"-honest")
	}
	p.expectNoRepeats(t)
}

// documentStatuses are the faults of rows A086 to A095, with the status of the
// metadata response of a gateway with configured endpoints and an empty cache.
var documentStatuses = map[string]int{
	"metadata-issuer":     502,
	"metadata-other-host": 200, "metadata-plain-http": 200, "metadata-userinfo": 200, "metadata-link-local": 200, "metadata-file": 200,
	"metadata-changing": 200, "metadata-none": 200,
	"metadata-large": 503, "metadata-endless": 503, "metadata-slow": 503, "metadata-gzip-bomb": 503,
	"metadata-deep": 503, "metadata-nan": 503, "metadata-duplicate": 503, "metadata-truncated": 503,
	"metadata-redirect": 503, "metadata-500": 503,
	"metadata-404": 404, "metadata-html": 404, "metadata-empty": 404,
}

// documentCase is a fault that three gateways meet: one that has good metadata in
// its cache, one with configured endpoints, and one that has to discover them.
type documentCase struct {
	faultprovider.Fault
	status                          int
	provider                        *faultyProvider
	cached, configured, discovering *strictClient
	good                            string // the document as it should be
}

const metadataRequest = "GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: login.example.com\r\n\r\n"

// TestR79FaultyDocuments checks that clients never get metadata that is incomplete, of another
// issuer or false, that cached metadata is served instead, that no request is sent where a
// document leads, and that the gateway recovers with the provider.
func TestR79FaultyDocuments(t *testing.T) {
	t.Parallel()
	var cases []*documentCase
	for _, m := range faultprovider.Faults() {
		want, here := documentStatuses[m.Name]
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
		c.provider.setRates(t, nil)
	}
	for _, c := range cases {
		eventually(t, "recovery from "+c.Name, func() bool { return c.discovering.send(t, metadataRequest).text == c.good })
		c.discovering.expectSuccess(t, "recovered")
		c.cached.expectSuccess(t, "also")
		c.provider.expectNoRepeats(t)
	}
}

func newDocumentCase(t *testing.T, m faultprovider.Fault, status int) *documentCase {
	t.Helper()
	c := &documentCase{Fault: m, status: status, provider: startFaultyProvider(t)}
	start := func(endpoints map[string]string) *strictClient {
		g := startGateway(t, testSettings(t, c.provider.url, func(cfg *config.Config) {
			cfg.Metadata.TTL, cfg.Upstream.Issuer, cfg.Endpoints = time.Millisecond, "https://login.example.com", endpoints
		}))
		return &strictClient{test: t, address: g.data}
	}
	c.cached = start(nil)
	c.good = c.cached.send(t, metadataRequest).text
	if !strings.Contains(c.good, "client_secret_basic") {
		t.Fatalf("the well-behaved provider's document is %s", c.good)
	}
	c.provider.setRates(t, faultprovider.Rates{m.Name: 100})
	c.configured, c.discovering = start(map[string]string{"token": faultprovider.TokenPath}), start(nil)
	return c
}

func (c *documentCase) expect(t *testing.T) {
	a := c.configured.send(t, metadataRequest)
	if a.StatusCode != c.status || a.Header.Get("Content-Type") != "application/json" || a.Header.Get("Location") != "" {
		t.Errorf("got %d %v %s, want %d", a.StatusCode, a.Header, a.text, c.status)
	}
	c.expectNothingFalse(t, a)
	c.expectNothingFalse(t, c.discovering.send(t, metadataRequest))
	c.configured.expectSuccess(t, "told")
	// Without known endpoints no request is sent. A changing document has other paths each
	// time.
	if c.Name == "metadata-changing" {
		return
	}
	c.provider.takeArrivals()
	if a := c.discovering.redeem(t, "learnt", ""); a.StatusCode != http.StatusOK {
		a.expectOwnError(t)
		if arrived := c.provider.takeArrivals(); len(arrived) > 0 {
			t.Errorf("arrived without known endpoints: %v", arrived)
		}
	}
	if c.status != http.StatusOK {
		if a := c.cached.send(t, metadataRequest); a.StatusCode != http.StatusOK || a.text != c.good {
			t.Errorf("the gateway with a cache answers %d %s", a.StatusCode, a.text)
		}
		c.cached.expectSuccess(t, "known")
	}
}

// expectNothingFalse checks that a client gets nothing of a broken document, and that Basic is not
// advertised for endpoints at another origin.
func (c *documentCase) expectNothingFalse(t *testing.T, a clientResponse) {
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
		g := frontedGateway(t, startProvider(t, strings.Replace(okJSON, "\n\n", "\nX-Large: "+strings.Repeat("x", size)+"\n\n", 1)+`{"issuer":"https://a","token_endpoint":"https://a/t"}`))
		if got := send(t, g.data, "GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: a"); !strings.HasPrefix(got, want) {
			t.Errorf("a header of %d bytes: got %s", size, got)
		}
	}
}
