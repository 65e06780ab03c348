package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"oauthgw/internal/config"
	"oauthgw/internal/faultprovider"
	"strings"
	"testing"
	"time"
)

// documentMeetings are the rows 86 to 95 of the table of threats that are the
// provider's doing: with which status a gateway that is told where the endpoints
// are, and knows no better document, answers a client that asks for one.
var documentMeetings = map[string]int{
	"metadata-issuer":     502,
	"metadata-other-host": 200, "metadata-plain-http": 200, "metadata-userinfo": 200, "metadata-link-local": 200, "metadata-file": 200,
	"metadata-changing": 200, "metadata-none": 200,
	"metadata-large": 503, "metadata-endless": 503, "metadata-slow": 503, "metadata-gzip-bomb": 503,
	"metadata-deep": 503, "metadata-nan": 503, "metadata-duplicate": 503, "metadata-truncated": 503,
	"metadata-redirect": 503, "metadata-500": 503,
	"metadata-404": 404, "metadata-html": 404, "metadata-empty": 404,
}

// documentCase is a misbehaviour that three gateways meet: one that has known the
// provider from a better side, one that is told where the endpoints are, and one
// that has to learn that.
type documentCase struct {
	faultprovider.Misbehaviour
	status                  int
	provider                *hostileProvider
	knowing, told, learning *strictClient
	good                    string // the document as it should be
}

const documentAsked = "GET /.well-known/oauth-authorization-server HTTP/1.1\r\nHost: login.example.com\r\n\r\n"

// Whatever the provider publishes, clients are never shown a document that is not
// whole, somebody else's or untrue; what was known is served on; no request is
// sent where a document leads; and when the provider mends its ways, so does the
// gateway, by itself.
func TestHostileDocuments(t *testing.T) {
	t.Parallel()
	var cases []*documentCase
	for _, m := range faultprovider.Misbehaviours() {
		want, here := documentMeetings[m.Name]
		if (m.Moment == faultprovider.AskedForDocument) != here {
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

func newDocumentCase(t *testing.T, m faultprovider.Misbehaviour, status int) *documentCase {
	t.Helper()
	c := &documentCase{Misbehaviour: m, status: status, provider: startHostile(t, nil)}
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
	c.provider.set(t, faultprovider.Shares{m.Name: 100})
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
	// Where nothing is known, nothing is sent. What changes is somewhere else each
	// time, and this path none of the endpoints.
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
			t.Errorf("one that knows better says %d %s", a.StatusCode, a.text)
		}
		c.knowing.succeeds(t, "known")
	}
}

// isTrue checks what a client is shown of a document: nothing of one that is not
// well, and of one that leads elsewhere no promise of what happens there.
func (c *documentCase) isTrue(t *testing.T, a clientAnswer) {
	t.Helper()
	switch {
	case a.StatusCode != http.StatusOK && (strings.Contains(a.text, "token_endpoint") || strings.Contains(a.text, "elsewhere")):
		t.Errorf("a document was shown: %s", a.text)
	case a.StatusCode == http.StatusOK && c.Row == "87" && strings.Contains(a.text, `"token_endpoint_auth_methods_supported":["client_secret_post","client_secret_basic"]`):
		t.Errorf("Basic is promised for what does not lead here: %s", a.text)
	}
}

// A document whose header is large is not taken.
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
			t.Errorf("a header of %d octets: got %s", size, got)
		}
	}
}
