package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"oauthgw/internal/config"
	"oauthgw/internal/legacy"
)

// startSocketProvider returns what upstream.url calls a legacy provider at a Unix socket,
// and the hosts under which its metadata was requested.
func startSocketProvider(t *testing.T, publicURL string) (upstream string, hosts chan string) {
	t.Helper()
	l, upstream := listenRaw(t, "unix")
	hosts = make(chan string, 100)
	provider := legacy.New(legacy.Config{PublicURL: publicURL})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/.well-known/") {
			hosts <- r.Host
		}
		provider.ServeHTTP(w, r)
	}))
	server.Listener.Close()
	server.Listener = l
	server.Start()
	t.Cleanup(server.Close)
	return upstream, hosts
}

// Metadata, endpoints and everything else go through the socket, and endpoints and realm
// come from the metadata.
func TestProviderBehindASocket(t *testing.T) {
	for publicURL, host := range map[string]string{"": "localhost", "https://login.example.com": "login.example.com"} {
		upstream, hosts := startSocketProvider(t, "https://login.example.com")
		g := startGateway(t, testSettings(t, upstream, func(c *config.Config) { c.PublicURL = publicURL }))
		for request, want := range map[string]string{
			fmt.Sprintf(basicRequest, "/oauth2/tokens"):                     `Basic realm="https://login.example.com"`,
			"GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: a": `"client_secret_basic"`,
			"GET / HTTP/1.1\nHost: a":                                       "HTTP/1.1 200 OK",
		} {
			if response := send(t, g.data, request); !strings.Contains(response, want) {
				t.Errorf("%.20q: got %s", request, response)
			}
		}
		if log := g.stop(); !strings.Contains(log, `"upstream":"`+upstream+`"`) {
			t.Errorf("the log does not name the socket:\n%s", log)
		}
		if got := <-hosts; got != host {
			t.Errorf("public_url %q: the metadata was requested under %q", publicURL, got)
		}
	}
}

// Metadata of one socket is not served for another, though both are localhost.
func TestMetadataOfAnotherSocket(t *testing.T) {
	one, _ := startSocketProvider(t, "https://one.example.com")
	two, _ := startSocketProvider(t, "https://two.example.com")
	p := startProgram(t, one, "")
	for _, issuer := range []string{"https://one.example.com", "https://two.example.com"} {
		document := send(t, p.data, "GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: a")
		if !strings.Contains(document, `"issuer":"`+issuer+`"`) {
			t.Errorf("got %s", document)
		}
		p.head = strings.Replace(p.head, one, two, 1)
		p.write("")
		p.reload()
	}
}
