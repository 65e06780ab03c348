package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// startSocketProvider returns what upstream.url calls a provider at a Unix socket, and the
// hosts under which its metadata was requested.
func startSocketProvider(t *testing.T, issuer string) (upstream string, hosts chan string) {
	t.Helper()
	l, upstream := listenRaw(t, "unix")
	hosts = make(chan string, 100)
	serveRaw(t, l, func(p rawPeer, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/.well-known/") {
			hosts <- r.Host
		}
		_, _ = p.Write(wire("HTTP/1.1 200 OK\nConnection: close\nContent-Type: application/json\n\n" +
			`{"error":"invalid_client","issuer":"` + issuer + `","token_endpoint":"` + issuer + `/t","token_endpoint_auth_methods_supported":["client_secret_post"]}`))
	})
	return upstream, hosts
}

// TestProviderBehindASocket checks that metadata, endpoints and other paths go through the
// socket, and that the metadata of one socket is not served for another, though both are
// localhost.
func TestProviderBehindASocket(t *testing.T) {
	one, hosts := startSocketProvider(t, "https://one.example.com")
	two, publicHosts := startSocketProvider(t, "https://two.example.com")
	p := startProgram(t, one, "")
	expect := func(request, want string) {
		t.Helper()
		if response := send(t, p.data, request); !strings.Contains(response, want) {
			t.Errorf("%.20q: got %s", request, response)
		}
	}
	const metadata = "GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: a"
	expect(metadata, `"issuer":"https://one.example.com"`)
	expect(metadata, `"client_secret_basic"`)
	expect(fmt.Sprintf(basicRequest, "/t"), `"error":"invalid_client"`)
	expect("GET / HTTP/1.1\nHost: a", `"error":"invalid_client"`)
	p.head = "public_url: https://two.example.com\n" + strings.Replace(p.head, one, two, 1)
	p.write("")
	p.reload()
	expect(metadata, `"issuer":"https://two.example.com"`)
	if first, second := <-hosts, <-publicHosts; first != "localhost" || second != "two.example.com" {
		t.Errorf("the metadata was requested under %s and %s", first, second)
	}
}
