package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"oauthgw/internal/config"
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
	const metadata = "GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: one.example.com"
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

// TestMaxConnectionAge checks that the requests of each kind share a connection to the provider,
// and that none is used again when it has reached its age.
func TestMaxConnectionAge(t *testing.T) {
	for age, want := range map[time.Duration]int64{5 * time.Minute: 3, time.Nanosecond: 6} {
		var connections atomic.Int64
		provider := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }))
		provider.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				connections.Add(1)
			}
		}
		provider.Start()
		defer provider.Close()
		g := frontedGateway(t, provider.URL, func(c *config.Config) { c.Upstream.MaxConnectionAge = age })
		for i := range 2 {
			send(t, g.data, fmt.Sprintf(basicRequest, "/t"))
			send(t, g.data, "GET /page HTTP/1.1\nHost: a")
			send(t, g.data, fmt.Sprintf("GET /.well-known/oauth-authorization-server/%d HTTP/1.1\nHost: a", i))
		}
		if n := connections.Load(); n != want {
			t.Errorf("with %s the provider got %d connections, want %d", age, n, want)
		}
	}
}

// TestProviderByAnotherName checks that the log, check and the status page say what to do
// about a provider that is routed by another name, and that it then works on every path.
func TestProviderByAnotherName(t *testing.T) {
	provider := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host != "login.internal.example" || r.TLS.ServerName != "example.com" {
			w.WriteHeader(http.StatusMisdirectedRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, honest+`}`)
	}))
	defer provider.Close()
	p := startProgram(t, provider.URL+", ca_file: "+writeCertificate(t, provider), "")
	const advice = "status 421 (Misdirected Request), because it does not serve the host name of the request; set upstream.host and, for https, upstream.server_name to the name that it serves"
	eventually(t, "the log line", func() bool { return strings.Contains(p.log.String(), advice) })
	out, diagnostics, err := invoke(t, "check", "--config.file="+p.file)
	if !strings.Contains(out+diagnostics+errorText(err), advice) {
		t.Errorf("check prints %s%s%v", out, diagnostics, err)
	}
	if page := fetch(t, "http://"+p.admin+"/", ""); !strings.Contains(page, advice) {
		t.Errorf("the status page is\n%s", page)
	}
	p.head = strings.Replace(p.head, provider.URL, provider.URL+", host: login.internal.example, server_name: example.com", 1)
	p.write("")
	p.reload()
	for _, request := range []string{
		"GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: a", fmt.Sprintf(basicRequest, "/t"), "GET / HTTP/1.1\nHost: a",
	} {
		if response := send(t, p.data, request); !strings.HasPrefix(response, "HTTP/1.1 200 ") {
			t.Errorf("%.40q: got %s", request, response)
		}
	}
}
