package proxy_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"oauthgw/proxy"
)

// Whatever net/http accepts as a request target, either it is refused, or the provider
// receives its path and query byte for byte, and never another kind of target.
func FuzzTarget(f *testing.F) {
	for _, target := range []string{"/a%2Fb|c?d=%", "//a//b", "http://gw/a%2f{", "x:http://gw/t", "http://u@gw/", "/a#b", "*", "https://gw?x", "//a|b", "/\xe9%2f"} {
		f.Add(target)
	}
	var sent *http.Request
	passes := passthroughOver("http://provider.example", roundTripper(func(r *http.Request) (*http.Response, error) {
		sent = r
		return respond(r, http.StatusOK, http.Header{}, ""), nil
	}))
	f.Fuzz(func(t *testing.T, target string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n")))
		if err != nil || r.RequestURI != target {
			return
		}
		path, ok := proxy.TargetPath(r)
		if !ok {
			return
		}
		if normal := proxy.NormalizePath(path); proxy.NormalizePath(normal) != normal {
			t.Errorf("%q: the normal form of %q is %q", target, normal, proxy.NormalizePath(normal))
		}
		passes.ServeHTTP(httptest.NewRecorder(), r)
		got := sent.URL.RequestURI()
		if !strings.HasPrefix(got, "/") || !strings.HasSuffix(target, strings.TrimPrefix(got, "/")) || !strings.HasPrefix(got, path) {
			t.Errorf("%q: the provider received %q", target, got)
		}
	})
}
