package main

import (
	"log"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthgw/internal/faultprovider"
)

// hostileSecrets are what may be told to nobody of exchanges with a provider that
// misbehaves: the client's secret and codes, tokens, and what the provider says that is
// not HTTP.
var hostileSecrets = []string{canary, exchangeCanary, faultprovider.TokenPrefix, "goroutine 17", "SSH-2.0", "Debian"}

// Whatever the provider does, at any level of the log and in either format, the secrets
// of the exchange are nowhere but in what client and provider say to each other.
func TestA096SecretsUnderMisbehaviourAreNowhere(t *testing.T) {
	for _, l := range everyLogging() {
		var met sync.Map // names of misbehaviours
		p := startHostile(t, nil, func(c *faultprovider.Config) {
			c.Interval, c.Patience = 5*time.Millisecond, 50*time.Millisecond
			c.Observe = func(a faultprovider.Arrival) { met.Store(a.Misbehaviour, true) }
		})
		g, tell := startWatched(t, p.url, l, sharedConfig)
		c := &strictClient{test: t, address: g.data}
		var own strings.Builder
		for _, m := range faultprovider.Misbehaviours() {
			own.WriteString(p.meet(t, c, m))
			if _, was := met.Load(m.Name); !was {
				t.Errorf("%s: %s was not met", l, m.Name)
			}
		}
		// As net/http does where bytes come that nobody asked for, if they come in time.
		log.Printf("Unsolicited response received on idle HTTP channel starting with %q", exchangeCanary)
		told := tell()
		told["own answers"] = own.String()
		expectNone(t, l.String(), told, hostileSecrets)
		for place, proof := range map[string]string{"audit": "failed", "metrics": `reason="broken_reply"`, "own answers": "server_error"} {
			if !strings.Contains(told[place], proof) {
				t.Errorf("%s: %s is not in the %s:\n%s", l, proof, place, told[place])
			}
		}
		if logged := strings.Contains(told["log"], "broken_reply") && strings.Contains(told["log"], "Unsolicited response"); logged == (l.level == "error") {
			t.Errorf("%s: the log tells of failures: %v\n%s", l, logged, told["log"])
		}
	}
}

// meet lets a client meet a misbehaviour and returns what the gateway says of its own.
func (p *hostileProvider) meet(t *testing.T, c *strictClient, m faultprovider.Misbehaviour) (own string) {
	t.Helper()
	code := exchangeCanary + "-" + m.Name
	if m.Moment == faultprovider.Asked {
		return c.redeem(t, code, m.Name).ownWords()
	}
	// Its connection is not used again, so that the next one is new.
	c.redeem(t, code+"-before", "truncated")
	p.set(t, faultprovider.Shares{m.Name: 100})
	defer p.set(t, nil)
	if m.Moment == faultprovider.Accepted {
		return c.redeem(t, code, "").ownWords()
	}
	// A document that nobody has asked for is not known yet.
	return c.ask(t, "GET /.well-known/oauth-authorization-server/"+m.Name+"?"+code+" HTTP/1.1\r\nHost: login.example.com\r\n"+
		"Authorization: Bearer "+exchangeCanary+"\r\nCookie: "+exchangeCanary+"\r\n\r\n").ownWords()
}

// ownWords returns an answer that is the gateway's own, and nothing of one that is the
// provider's.
func (a clientAnswer) ownWords() string {
	own := a.StatusCode == http.StatusServiceUnavailable || a.StatusCode == http.StatusNotFound || a.Header.Get("X-Content-Type-Options") != ""
	if !own {
		return ""
	}
	var b strings.Builder
	_ = a.Header.Write(&b) // a builder takes everything
	return b.String() + a.text
}
