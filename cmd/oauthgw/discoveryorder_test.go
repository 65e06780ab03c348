package main

import (
	"io"
	"net/http"
	"oauthgw/clientauth"
	"oauthgw/internal/config"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// wayOf is a way to a provider that a test answers for.
type wayOf func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f wayOf) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// slowly is a body that arrives after a time.
type slowly struct {
	io.Reader
	wait time.Duration
}

// Read implements [io.Reader].
func (s *slowly) Read(p []byte) (int, error) {
	time.Sleep(s.wait)
	s.wait = 0
	return s.Reader.Read(p)
}

// metadataWith returns a response that holds metadata with a token endpoint.
func metadataWith(status int, path string, wait time.Duration) *http.Response {
	const issuer = "https://login.example.com"
	text := `{"issuer":"` + issuer + `","token_endpoint":"` + issuer + path + `",` +
		`"authorization_endpoint":"` + issuer + `/a","jwks_uri":"` + issuer + `/j","response_types_supported":["code"],` +
		`"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}`
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(&slowly{strings.NewReader(text), wait})}
}

// A document that began to arrive before another one, and ended after it, does not
// replace the routes that the newer one gave or confirmed.
func TestA135OlderDiscoveryDoesNotReplaceNewer(t *testing.T) {
	for name, before := range map[string]bool{"given": false, "confirmed": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				status := http.StatusOK
				way := wayOf(func(r *http.Request) (*http.Response, error) {
					if strings.HasSuffix(r.URL.Path, "openid-configuration") {
						return metadataWith(http.StatusOK, "/old", 4*time.Second), nil
					}
					return metadataWith(status, "/new", 0), nil
				})
				s := learning(t, "http://127.0.0.1:1", func(c *config.Config) { c.Metadata.TTL, c.Metadata.StaleFor = time.Second, 0 })
				g, err := newGatewayOver(ways{way, way, way}, s, nobody())
				if err != nil {
					t.Fatal(err)
				}
				defer g.close()
				learn := func() {
					if err := g.learn(t.Context()); err != nil {
						t.Error(err)
					}
				}
				if before {
					learn()
					time.Sleep(time.Minute)
				}
				status = http.StatusInternalServerError
				older := make(chan struct{})
				go func() { learn(); close(older) }()
				synctest.Wait() // the older document is arriving
				time.Sleep(3500 * time.Millisecond)
				status = http.StatusOK
				learn()
				<-older
				if got := g.routes.Load().known.Endpoints[clientauth.Token].Path; got != "/new" {
					t.Errorf("the older document is in force: %s", got)
				}
			})
		})
	}
}
