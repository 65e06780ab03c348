package trustedproxy_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"reflect"
	"strings"
	"testing"

	"oauthgw/internal/trustedproxy"
)

// request returns a request from an address with X-Forwarded-For fields. The address unix
// stands for the peer of a Unix socket.
func request(from string, chain ...string) *http.Request {
	r := httptest.NewRequest("POST", "http://asked.example/", nil)
	r.RemoteAddr = from
	if from == "unix" {
		r.RemoteAddr = "203.0.113.9:1" // ignored: the client chooses the address of its end
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(&net.UnixAddr{Name: "/s", Net: "unix"})))
	}
	if chain != nil {
		r.Header["X-Forwarded-For"] = chain
	}
	return r
}

func parse(t testing.TB, entries string) trustedproxy.Proxies {
	t.Helper()
	p, err := trustedproxy.Parse(strings.Fields(entries), trustedproxy.ForwardedFor, true)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestClientIP also checks that RateLimitKey is the zero Addr for an address that many clients
// share: otherwise one client could lock out the others.
func TestClientIP(t *testing.T) {
	for name, test := range map[string]struct {
		trusted, from string
		chain         []string
		want          string
		shared        bool // by many clients
	}{
		"a proxy":                            {"10.0.0.1", "10.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9", false},
		"a proxy in a network":               {"10.1.2.3/8", "10.9.9.9:1", []string{"203.0.113.9"}, "203.0.113.9", false},
		"a proxy that names no client":       {"10.0.0.1", "10.0.0.1:1", nil, "10.0.0.1", true},
		"the client's own element":           {"10.0.0.1", "10.0.0.1:1", []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9", false},
		"the client's own field":             {"10.0.0.1", "10.0.0.1:1", []string{"198.51.100.1", "203.0.113.9"}, "203.0.113.9", false},
		"a client that names the proxy":      {"10.0.0.1", "10.0.0.1:1", []string{"10.0.0.1, 203.0.113.9"}, "203.0.113.9", false},
		"two proxies":                        {"10.0.0.0/8", "10.0.0.1:1", []string{"203.0.113.9,\t10.0.0.2"}, "203.0.113.9", false},
		"proxies only":                       {"10.0.0.0/8", "10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3", true},
		"an invalid element":                 {"10.0.0.0/8", "10.0.0.1:1", []string{"203.0.113.9, unknown, 10.0.0.2"}, "10.0.0.2", true},
		"an empty field":                     {"10.0.0.0/8", "10.0.0.1:1", []string{""}, "10.0.0.1", true},
		"an unclosed bracket":                {"10.0.0.0/8", "10.0.0.1:1", []string{"[2001:db8::1"}, "10.0.0.1", true},
		"a port":                             {"10.0.0.1", "10.0.0.1:1", []string{"203.0.113.9:4711"}, "203.0.113.9", false},
		"IPv6":                               {"2001:db8::/32", "[2001:db8::1]:1", []string{"2001:db9::1"}, "2001:db9::1", false},
		"IPv6 with a port":                   {"10.0.0.1", "10.0.0.1:1", []string{"[2001:db8::1]:80"}, "2001:db8::1", false},
		"IPv6 with an arbitrary zone":        {"10.0.0.1", "10.0.0.1:1", []string{"fe80::1%text"}, "fe80::1", false},
		"IPv4-mapped IPv6":                   {"10.0.0.0/8", "[::ffff:10.0.0.1]:1", []string{"::ffff:203.0.113.9"}, "203.0.113.9", false},
		"trusted IPv4-mapped IPv6":           {"::ffff:10.0.0.1", "10.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9", false},
		"a proxy with a zone":                {"fe80::/10", "[fe80::1%eth0]:1", []string{"203.0.113.9"}, "203.0.113.9", false},
		"a Unix socket":                      {"10.0.0.1", "unix", []string{"203.0.113.9"}, "invalid IP", true},
		"a Unix socket named like a proxy":   {"203.0.113.9", "unix", []string{"198.51.100.1"}, "invalid IP", true},
		"a trusted Unix socket":              {"unix", "unix", []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9", false},
		"TCP where Unix sockets are trusted": {"unix", "192.0.2.7:1", []string{"203.0.113.9"}, "192.0.2.7", false},
		"loopback":                           {"10.0.0.1", "127.0.0.1:1", []string{"203.0.113.9"}, "127.0.0.1", true},
		"IPv6 loopback":                      {"10.0.0.1", "[::1]:1", nil, "::1", true},
		"loopback behind a proxy":            {"10.0.0.1", "10.0.0.1:1", []string{"::ffff:127.0.0.1"}, "127.0.0.1", true},
	} {
		p, r := parse(t, test.trusted), request(test.from, test.chain...)
		if got := p.ClientIP(r); got.String() != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
		if key := p.RateLimitKey(p.ClientIP(r)); key.IsValid() == test.shared || !test.shared && key.String() != test.want {
			t.Errorf("%s: the key is %s", name, key)
		}
	}
}

func TestHost(t *testing.T) {
	for from, want := range map[string]string{"10.0.0.1:1": "named.example", "10.0.0.2:1": "asked.example"} {
		r := request(from)
		r.Header.Set("X-Forwarded-Host", "named.example")
		if got := parse(t, "10.0.0.1").Host(r); got != want {
			t.Errorf("%s: got %s", from, got)
		}
	}
	r := request("10.0.0.1:1")
	if got := parse(t, "10.0.0.1").Host(r); got != "asked.example" {
		t.Errorf("without the field: got %s", got)
	}
}

func TestSetForwarded(t *testing.T) {
	const host, proto = "login.example.com", "https"
	for name, test := range map[string]struct {
		trusted          string
		in               *http.Request
		host, proto, ips string
	}{
		"a client":                       {"10.0.0.1", request("192.0.2.7:1", "203.0.113.9"), "asked.example", "http", "192.0.2.7"},
		"a proxy":                        {"10.0.0.1", request("10.0.0.1:1", "198.51.100.1", "203.0.113.9"), host, proto, "198.51.100.1, 203.0.113.9, 10.0.0.1"},
		"a proxy that adds no addresses": {"10.0.0.1", request("10.0.0.1:1"), host, proto, "10.0.0.1"},
		"a Unix socket":                  {"203.0.113.9", request("unix", "198.51.100.1"), "asked.example", "http", ""},
		"a trusted Unix socket":          {"unix", request("unix", "203.0.113.9"), host, proto, "203.0.113.9"},
	} {
		test.in.Header.Set("X-Forwarded-Host", host)
		test.in.Header.Set("X-Forwarded-Proto", proto)
		out := test.in.Clone(t.Context())
		parse(t, test.trusted).SetForwarded(&httputil.ProxyRequest{In: test.in, Out: out}, test.in.Header)
		want := http.Header{"X-Forwarded-Host": {test.host}, "X-Forwarded-Proto": {test.proto}}
		if test.ips != "" {
			want.Set("X-Forwarded-For", test.ips)
		}
		if !reflect.DeepEqual(out.Header, want) {
			t.Errorf("%s: got %v, want %v", name, out.Header, want)
		}
	}
}

// TestClientIPHeader checks the fields that hold one address and no list. The client may have
// sent any other field, and X-Forwarded-For must not reach the provider as it came.
func TestClientIPHeader(t *testing.T) {
	for name, test := range map[string]struct {
		from       string
		values     []string // of the field
		want, sent string   // the address, and X-Forwarded-For for the provider
	}{
		"a proxy":                      {"10.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9", "203.0.113.9, 10.0.0.1"},
		"IPv6":                         {"10.0.0.1:1", []string{"2001:db8::1"}, "2001:db8::1", "2001:db8::1, 10.0.0.1"},
		"a Unix socket":                {"unix", []string{"203.0.113.9"}, "203.0.113.9", "203.0.113.9"},
		"a client":                     {"192.0.2.7:1", []string{"203.0.113.9"}, "192.0.2.7", "192.0.2.7"},
		"a proxy that names no client": {"10.0.0.1:1", nil, "10.0.0.1", "10.0.0.1"},
		"two fields":                   {"10.0.0.1:1", []string{"198.51.100.1", "203.0.113.9"}, "10.0.0.1", "10.0.0.1"},
		"a list":                       {"10.0.0.1:1", []string{"198.51.100.1, 203.0.113.9"}, "10.0.0.1", "10.0.0.1"},
		"no address":                   {"10.0.0.1:1", []string{"unknown"}, "10.0.0.1", "10.0.0.1"},
	} {
		for _, field := range []string{trustedproxy.RealIP, trustedproxy.ConnectingIP} {
			p, err := trustedproxy.Parse([]string{"10.0.0.1", "unix"}, field, false)
			if err != nil {
				t.Fatal(err)
			}
			in := request(test.from, "198.51.100.2")
			for _, value := range test.values {
				in.Header.Add(field, value)
			}
			if got := p.ClientIP(in); got.String() != test.want {
				t.Errorf("%s, %s: got %s, want %s", name, field, got, test.want)
			}
			out := in.Clone(t.Context())
			p.SetForwarded(&httputil.ProxyRequest{In: in, Out: out}, in.Header)
			if got := strings.Join(out.Header["X-Forwarded-For"], "; "); got != test.sent {
				t.Errorf("%s, %s: X-Forwarded-For is %s, want %s", name, field, got, test.sent)
			}
		}
	}
}

func TestParseRejects(t *testing.T) {
	for _, entry := range []string{"", " ", "localhost", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96", "::ffff:10.0.0.0/104", "fe80::1%eth0", "unix:", "*", "10.0.0.1:80"} {
		_, err := trustedproxy.Parse([]string{"127.0.0.1", entry}, trustedproxy.ForwardedFor, false)
		if err == nil || !strings.Contains(err.Error(), `"`+entry+`"`) {
			t.Errorf("%q: %v", entry, err)
		}
	}
}

// FuzzClientIP checks that without trusted proxies ClientIP is the peer's address, and
// otherwise the one that the trusted proxy appended.
func FuzzClientIP(f *testing.F) {
	f.Add("198.51.100.1, 10.0.0.2")
	f.Add("[2001:db8::1]:80,,::ffff:1.2.3.4%x")
	p := parse(f, "10.0.0.0/8")
	f.Fuzz(func(t *testing.T, chain string) {
		if got := (trustedproxy.Proxies{}).ClientIP(request("10.0.0.1:1", chain)); got.String() != "10.0.0.1" {
			t.Errorf("without a trusted proxy: got %s", got)
		}
		if got := p.ClientIP(request("10.0.0.1:1", chain)); !got.IsValid() || got.Zone() != "" || got.Is4In6() {
			t.Errorf("got %s", got)
		}
		if got := p.ClientIP(request("10.0.0.1:1", chain+", 203.0.113.9")); got.String() != "203.0.113.9" {
			t.Errorf("the proxy names 203.0.113.9: got %s", got)
		}
	})
}
