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

// request returns one that came from an address with X-Forwarded-For fields. The
// address unix is the other end of a Unix socket.
func request(from string, chain ...string) *http.Request {
	r := httptest.NewRequest("POST", "http://asked.example/", nil)
	r.RemoteAddr = from
	if from == "unix" {
		// Whoever connects chooses the name of its end.
		r.RemoteAddr = "203.0.113.9:1"
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(&net.UnixAddr{Name: "/s", Net: "unix"})))
	}
	if chain != nil {
		r.Header["X-Forwarded-For"] = chain
	}
	return r
}

func trust(t *testing.T, entries string) trustedproxy.Proxies {
	t.Helper()
	p, err := trustedproxy.Parse(strings.Fields(entries), true)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSource(t *testing.T) {
	for name, test := range map[string]struct {
		trusted, from string
		chain         []string
		want          string
	}{
		"nobody is trusted":                   {"", "192.0.2.7:1", []string{"203.0.113.9"}, "192.0.2.7"},
		"another is trusted":                  {"10.0.0.1", "192.0.2.7:1", []string{"203.0.113.9"}, "192.0.2.7"},
		"a proxy":                             {"10.0.0.1", "10.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9"},
		"a proxy in a network":                {"10.1.2.3/8", "10.9.9.9:1", []string{"203.0.113.9"}, "203.0.113.9"},
		"a proxy that says nothing":           {"10.0.0.1", "10.0.0.1:1", nil, "10.0.0.1"},
		"what a client wrote before":          {"10.0.0.1", "10.0.0.1:1", []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
		"in a field of its own":               {"10.0.0.1", "10.0.0.1:1", []string{"198.51.100.1", "203.0.113.9"}, "203.0.113.9"},
		"a client that names the proxy":       {"10.0.0.1", "10.0.0.1:1", []string{"10.0.0.1, 203.0.113.9"}, "203.0.113.9"},
		"two proxies":                         {"10.0.0.0/8", "10.0.0.1:1", []string{"203.0.113.9,\t10.0.0.2"}, "203.0.113.9"},
		"proxies only":                        {"10.0.0.0/8", "10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"an element that is none":             {"10.0.0.0/8", "10.0.0.1:1", []string{"203.0.113.9, unknown, 10.0.0.2"}, "10.0.0.2"},
		"an empty element":                    {"10.0.0.0/8", "10.0.0.1:1", []string{"203.0.113.9, , 10.0.0.2"}, "10.0.0.2"},
		"an empty field":                      {"10.0.0.0/8", "10.0.0.1:1", []string{""}, "10.0.0.1"},
		"half a bracket":                      {"10.0.0.0/8", "10.0.0.1:1", []string{"[2001:db8::1"}, "10.0.0.1"},
		"a port":                              {"10.0.0.1", "10.0.0.1:1", []string{"203.0.113.9:4711"}, "203.0.113.9"},
		"IPv6":                                {"2001:db8::/32", "[2001:db8::1]:1", []string{"2001:db9::1"}, "2001:db9::1"},
		"IPv6 in brackets":                    {"10.0.0.1", "10.0.0.1:1", []string{"[2001:db8::1]"}, "2001:db8::1"},
		"IPv6 with a port":                    {"10.0.0.1", "10.0.0.1:1", []string{"[2001:db8::1]:80"}, "2001:db8::1"},
		"IPv6 with a zone, which is anything": {"10.0.0.1", "10.0.0.1:1", []string{"fe80::1%text"}, "fe80::1"},
		"IPv4 within IPv6":                    {"10.0.0.0/8", "[::ffff:10.0.0.1]:1", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		"IPv4 within IPv6 that is trusted":    {"::ffff:10.0.0.1", "10.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9"},
		"a proxy with a zone":                 {"fe80::/10", "[fe80::1%eth0]:1", []string{"203.0.113.9"}, "203.0.113.9"},
		"a Unix socket":                       {"10.0.0.1", "unix", []string{"203.0.113.9"}, "invalid IP"},
		"a Unix socket named like a proxy":    {"203.0.113.9", "unix", []string{"198.51.100.1"}, "invalid IP"},
		"a Unix socket that is trusted":       {"unix", "unix", []string{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
		"no Unix socket":                      {"unix", "192.0.2.7:1", []string{"203.0.113.9"}, "192.0.2.7"},
		"no address":                          {"unix 0.0.0.0/1", "anything", []string{"203.0.113.9"}, "invalid IP"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := trust(t, test.trusted).ClientIP(request(test.from, test.chain...)); got.String() != test.want {
				t.Errorf("got %s and not %s", got, test.want)
			}
		})
	}
}

// To take many for one would let one lock out the others.
func TestClientIsASingleOne(t *testing.T) {
	for name, test := range map[string]struct {
		from  string
		chain []string
		want  string
	}{
		"a client":                          {"192.0.2.7:1", nil, "192.0.2.7"},
		"a client behind a proxy":           {"10.0.0.1:1", []string{"203.0.113.9"}, "203.0.113.9"},
		"a proxy that says nothing":         {"10.0.0.1:1", nil, "invalid IP"},
		"a proxy that names another":        {"10.0.0.1:1", []string{"10.0.0.2"}, "invalid IP"},
		"a proxy that says what is none":    {"10.0.0.1:1", []string{"203.0.113.9, unknown"}, "invalid IP"},
		"a proxy on this host":              {"127.0.0.1:1", []string{"203.0.113.9"}, "invalid IP"},
		"a proxy on this host by IPv6":      {"[::1]:1", nil, "invalid IP"},
		"a proxy on this host behind one":   {"10.0.0.1:1", []string{"::ffff:127.0.0.1"}, "invalid IP"},
		"a Unix socket":                     {"unix", nil, "invalid IP"},
		"a stranger that names this host":   {"192.0.2.7:1", []string{"127.0.0.1"}, "192.0.2.7"},
		"the same through the proxy":        {"10.0.0.1:1", []string{"127.0.0.1, 192.0.2.7"}, "192.0.2.7"},
		"a stranger that names a proxy":     {"192.0.2.7:1", []string{"10.0.0.1"}, "192.0.2.7"},
		"the same again, through the proxy": {"10.0.0.1:1", []string{"10.0.0.1, 192.0.2.7"}, "192.0.2.7"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := trust(t, "10.0.0.0/8").RateLimitKey(request(test.from, test.chain...)); got.String() != test.want {
				t.Errorf("got %s and not %s", got, test.want)
			}
		})
	}
}

// told returns the X-Forwarded fields of a request as the provider would receive
// it, by the last words of their names.
func told(p trustedproxy.Proxies, in *http.Request) map[string][]string {
	out := in.Clone(in.Context())
	for _, name := range []string{"For", "Host", "Proto"} { // as ReverseProxy does before
		out.Header.Del("X-Forwarded-" + name)
	}
	p.SetForwarded(&httputil.ProxyRequest{In: in, Out: out}, in.Header)
	fields := map[string][]string{}
	for name, values := range out.Header {
		if word, ok := strings.CutPrefix(name, "X-Forwarded-"); ok {
			fields[word] = values
		}
	}
	return fields
}

func TestTell(t *testing.T) {
	said := func(r *http.Request) *http.Request {
		r.Header.Set("X-Forwarded-Host", "login.example.com")
		r.Header.Set("X-Forwarded-Proto", "https")
		return r
	}
	type fields = map[string][]string
	for name, test := range map[string]struct {
		trusted string
		in      *http.Request
		want    fields
	}{
		"a stranger":                {"10.0.0.1", said(request("192.0.2.7:1", "203.0.113.9")), fields{"For": {"192.0.2.7"}, "Host": {"asked.example"}, "Proto": {"http"}}},
		"a proxy":                   {"10.0.0.1", said(request("10.0.0.1:1", "198.51.100.1", "203.0.113.9")), fields{"For": {"198.51.100.1, 203.0.113.9, 10.0.0.1"}, "Host": {"login.example.com"}, "Proto": {"https"}}},
		"a proxy that says nothing": {"10.0.0.1", request("10.0.0.1:1"), fields{"For": {"10.0.0.1"}, "Host": {"asked.example"}, "Proto": {"http"}}},
		"a Unix socket":             {"203.0.113.9", said(request("unix", "198.51.100.1")), fields{"Host": {"asked.example"}, "Proto": {"http"}}},
		"a trusted Unix socket":     {"unix", said(request("unix", "203.0.113.9")), fields{"For": {"203.0.113.9"}, "Host": {"login.example.com"}, "Proto": {"https"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := told(trust(t, test.trusted), test.in); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %v and not %v", got, test.want)
			}
		})
	}
}

func TestNobodyIsTrustedByMistake(t *testing.T) {
	for _, entry := range []string{"", " ", "localhost", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96", "::ffff:10.0.0.0/104", "fe80::1%eth0", "unix:", "*", "10.0.0.1:80"} {
		_, err := trustedproxy.Parse([]string{"127.0.0.1", entry}, false)
		if err == nil || !strings.Contains(err.Error(), `"`+entry+`"`) {
			t.Errorf("%q: %v", entry, err)
		}
	}
}

// Whatever is in the field, the source is the connection's address or one that
// stands in the field, and without trust always the connection's.
func FuzzSource(f *testing.F) {
	f.Add("198.51.100.1, 10.0.0.2")
	f.Add("[2001:db8::1]:80,,::ffff:1.2.3.4%x")
	p, err := trustedproxy.Parse([]string{"10.0.0.0/8"}, false)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, chain string) {
		if got := (trustedproxy.Proxies{}).ClientIP(request("10.0.0.1:1", chain)); got.String() != "10.0.0.1" {
			t.Errorf("nobody is trusted, and the source is %s", got)
		}
		if got := p.ClientIP(request("10.0.0.1:1", chain)); !got.IsValid() || got.Zone() != "" || got.Is4In6() {
			t.Errorf("the source is %s", got)
		}
		if got := p.ClientIP(request("10.0.0.1:1", chain+", 203.0.113.9")); got.String() != "203.0.113.9" {
			t.Errorf("the proxy says 203.0.113.9, and the source is %s", got)
		}
	})
}
