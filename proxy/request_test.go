package proxy_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/clientauth"
	"oauthgw/proxy"
)

const formHead = "POST /oauth2/tokens HTTP/1.1\nHost: a\nAuthorization: " + basicField + "\nContent-Type: application/x-www-form-urlencoded\n"

// What does not arrive whole is not sent on.
func TestBrokenBodies(t *testing.T) {
	for name, test := range map[string]struct {
		text   string
		status string
	}{
		"ends early":              {formHead + "Content-Length: 100\n\ngrant_type=x", "400"},
		"ends early in a chunk":   {formHead + "Transfer-Encoding: chunked\n\n20\ngrant_type=x", "400"},
		"a bad chunk size":        {formHead + "Transfer-Encoding: chunked\n\nzz\ngrant_type=x\n0\n\n", "400"},
		"a chunk that goes on":    {formHead + "Transfer-Encoding: chunked\n\n1\ngrant_type=x\n0\n\n", "400"},
		"too large by its length": {formHead + "Content-Length: 65537\n\n", "413"},
		"too large in chunks":     {formHead + "Transfer-Encoding: chunked\n\n10001\n" + strings.Repeat("a", 0x10001) + "\n0\n\n", "413"},
		"an unknown encoding":     {formHead + "Transfer-Encoding: gzip, chunked\n\n0\n\n", "501"},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProvider(t, says(ok))
			f := startFront(t, "http://"+p.Addr().String())
			answer := f.raw(t, test.text, func(c *net.TCPConn) { _ = c.CloseWrite() })
			if !strings.HasPrefix(answer, "HTTP/1.1 "+test.status) || strings.Contains(answer, "s3cret") {
				t.Errorf("got %q, want %s", answer, test.status)
			}
			if p.requests.Load() != 0 {
				t.Error("the provider was asked")
			}
		})
	}
}

// sentBy serves a POST to the token endpoint and returns the response, and what the provider
// received: its body, Content-Type and query. Nil means that it received nothing.
func sentBy(t *testing.T, target, body string, header http.Header, change ...func(*proxy.Config)) (w *httptest.ResponseRecorder, sent []string) {
	t.Helper()
	h := endpointOver(t, func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		sent = []string{string(body), r.Header.Get("Content-Type"), r.URL.RawQuery}
		return respond(r, 200, http.Header{}, ""), err
	}, change...)
	return serve(h, "POST", target, body, header), sent
}

// TestA143BodiesWithoutAMediaType checks that such a body is a form and is sent as one, or is
// refused.
func TestA143BodiesWithoutAMediaType(t *testing.T) {
	for _, contentType := range [][]string{nil, {""}, {" "}, {"form"}, {"application/"}, {"/x"}, {";charset=utf-8"}, {"a/b/c"}, {"a/b c"}} {
		for body, want := range map[string]string{
			"grant_type=x": "grant_type=x&client_id=app&client_secret=s3cret-one", "": "client_id=app&client_secret=s3cret-one",
			"&&grant_type=x&": "grant_type=x&client_id=app&client_secret=s3cret-one",
			"redirect_uri=http://a/b?c=d&claims={\"a\":1}": "redirect_uri=http%3A%2F%2Fa%2Fb%3Fc%3Dd&claims=%7B%22a%22%3A1%7D&client_id=app&client_secret=s3cret-one",
			"grant_type": "", `{"client_id":"app"}`: "", `{"a":"b=c&d=e"}`: "", `["a=b"]`: "", `<a b="c"/>`: "", "a b=c": "",
			"hello": "", "a=b\nc": "", "--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--x--": "", "\xef\xbb\xbfa=b": "",
			"client_id=other": "", "a=1&a=2": "", "client.id=x": "", "a=%zz": "", "a=b&{}=c": "", "=a": "",
		} {
			expectForm(t, body, want, http.Header{"Content-Type": contentType, "Authorization": {basicField}})
		}
	}
}

// expectForm checks that the provider receives a body as a form, or that it is refused if
// want is empty.
func expectForm(t *testing.T, body, want string, header http.Header) {
	t.Helper()
	w, sent := sentBy(t, "/oauth2/tokens", body, header)
	if want == "" && (w.Code != 400 || sent != nil) ||
		want != "" && (w.Code != 200 || sent == nil || sent[0] != want || sent[1] != "application/x-www-form-urlencoded") {
		t.Errorf("%q as %q: got %d, sent %q", body, header["Content-Type"], w.Code, sent)
	}
}

// TestA143MediaTypesThatSomeServersTakeForAForm checks that they are read and sent as one.
func TestA143MediaTypesThatSomeServersTakeForAForm(t *testing.T) {
	for _, contentType := range []string{
		"multipart/form-data", "multipart/mixed; boundary=\"\"", // Rack
		"application/x-url-encoded",           // Flask
		"application/x-www-form-urlencoded2",  // Tornado, Undertow, ASP.NET
		"application/x-www-form-urlencoded+x", // the same
		"application/x+x-www-form-urlencoded", // Slim
		"text/urlencoded",                     // formidable
		"Application/X-Www-Form-Urlencoded-x;charset=utf-8",
	} {
		for body, want := range map[string]string{"client_id=a&client_secret=b%20": "client_id=a&client_secret=b+", "client_id=a&client_id=b": "", "_method=x": "", `{"a":"b;"}`: ""} {
			expectForm(t, body, want, http.Header{"Content-Type": {contentType}})
		}
	}
}

func TestMethods(t *testing.T) {
	h := endpointOver(t, func(*http.Request) (*http.Response, error) { panic("the provider was called") })
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "TRACE", "post", "BREW"} {
		w := serve(h, method, "/oauth2/tokens?client_secret=s3cret-one", tokenForm, ofForm())
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" {
			t.Errorf("%s: got %d %v", method, w.Code, w.Header())
		}
	}
}

// TestEndpointKeepsItsQuery checks that the endpoint's own query reaches the provider with
// the client's (RFC 6749 section 3.2).
func TestEndpointKeepsItsQuery(t *testing.T) {
	for query, want := range map[string]string{"": "tenant=1", "?a=b": "a=b&tenant=1", "?tenant=2": "tenant=2"} {
		own := func(c *proxy.Config) { c.Target.RawQuery = "tenant=1" }
		if _, sent := sentBy(t, "/oauth2/tokens"+query, tokenForm, ofForm(), at(clientauth.Revocation), own); sent == nil || sent[2] != want {
			t.Errorf("%q: sent %q, want %q", query, sent, want)
		}
	}
}

// A client that does not end its request is sent away, also from where its body
// is of no interest, and the one that does is not: the deadline does not reach
// beyond the body.
func TestA038SlowBody(t *testing.T) {
	for name, test := range map[string]struct {
		method   string
		provider time.Duration
		complete bool
		want     string
	}{
		"never ends":             {"POST", 0, false, "HTTP/1.1 408"},
		"is refused, never ends": {"PUT", 0, false, "HTTP/1.1 405"},
		"ends, slow provider":    {"POST", 14 * time.Second, true, "HTTP/1.1 200"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := endpointOver(t, func(r *http.Request) (*http.Response, error) {
					time.Sleep(test.provider)
					return respond(r, 200, http.Header{}, "{}"), r.Context().Err()
				})
				near, far := net.Pipe()
				server := &http.Server{Handler: h, ReadTimeout: 15 * time.Second}
				l := make(oneConn, 1)
				l <- far
				go func() { _ = server.Serve(l) }()
				defer server.Close()
				defer near.Close()
				body := "Content-Length: 12\r\n\r\ngrant_type="
				if test.complete {
					body += "x"
				}
				go io.WriteString(near, strings.ReplaceAll(strings.Replace(formHead, "POST", test.method, 1), "\n", "\r\n")+body)
				answer := make([]byte, len(test.want))
				if _, err := io.ReadFull(near, answer); err != nil || string(answer) != test.want {
					t.Errorf("got %q %v, want %q", answer, err, test.want)
				}
				go io.Copy(io.Discard, near)
			})
		})
	}
}

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
