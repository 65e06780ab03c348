package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"oauthgw/internal/config"
	"oauthgw/internal/legacy"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// socketProvider is a legacy provider behind a Unix socket.
type socketProvider struct {
	http.Handler
	url string // as upstream.url names it

	mu    sync.Mutex
	hosts []string // under which its metadata was asked for
}

func startSocketProvider(t *testing.T, publicURL string) *socketProvider {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	p := &socketProvider{Handler: legacy.New(legacy.Config{PublicURL: publicURL}), url: "unix:" + path}
	server := httptest.NewUnstartedServer(p)
	server.Listener.Close()
	server.Listener = l
	server.Start()
	t.Cleanup(server.Close)
	return p
}

// ServeHTTP implements [http.Handler].
func (p *socketProvider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/.well-known/") {
		p.mu.Lock()
		p.hosts = append(p.hosts, r.Host)
		p.mu.Unlock()
	}
	p.Handler.ServeHTTP(w, r)
}

// Metadata, endpoints and everything else go through the socket, and all that is
// learnt from metadata is learnt.
func TestProviderBehindASocket(t *testing.T) {
	for publicURL, host := range map[string]string{"": "localhost", "https://login.example.com": "login.example.com"} {
		provider := startSocketProvider(t, "https://login.example.com")
		g := startGateway(t, learning(t, provider.url, func(c *config.Config) { c.PublicURL = publicURL }))
		answer := send(t, g.data, fmt.Sprintf(basicRequest, "/oauth2/tokens"))
		if !strings.HasPrefix(answer, "HTTP/1.1 401 ") || !strings.Contains(answer, `Basic realm="https://login.example.com"`) {
			t.Errorf("an endpoint answered %s", answer)
		}
		if answer := send(t, g.data, "GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: a"); !strings.Contains(answer, `"client_secret_basic"`) {
			t.Errorf("the metadata is %s", answer)
		}
		if got := status(t, "http://"+g.data+"/"); got != http.StatusOK {
			t.Errorf("another path answered %d", got)
		}
		if log := g.stop(); !strings.Contains(log, `"upstream":"`+provider.url+`"`) {
			t.Errorf("the log does not name the socket:\n%s", log)
		}
		if hosts := slices.Compact(provider.hosts); !slices.Equal(hosts, []string{host}) {
			t.Errorf("public_url %q: the metadata was asked for under %q", publicURL, hosts)
		}
	}
}

// What is known of one provider is not taken for what another would say, though
// both are localhost.
func TestSocketsAreToldApart(t *testing.T) {
	one, two := startSocketProvider(t, "https://one.example.com"), startSocketProvider(t, "https://two.example.com")
	p := startReloading(t, one.url, "")
	document := func() string {
		return send(t, p.data, "GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: a")
	}
	if !strings.Contains(document(), `"issuer":"https://one.example.com"`) {
		t.Errorf("got %s", document())
	}
	p.head = strings.Replace(p.head, one.url, two.url, 1)
	p.write("")
	if code, text := p.reload(); code != 200 || !strings.Contains(document(), `"issuer":"https://two.example.com"`) {
		t.Errorf("after a reload: %d %s\n%s", code, text, document())
	}
}
