package proxy_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/clientauth"
	"oauthgw/metrics"
	"oauthgw/proxy"
)

const formHead = "POST /oauth2/tokens HTTP/1.1\nHost: a\nAuthorization: " + basicField + "\nContent-Type: application/x-www-form-urlencoded\n"

// What does not arrive whole is not sent on.
func TestBrokenBodies(t *testing.T) {
	for name, test := range map[string]struct {
		octets string
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
			answer := f.raw(t, test.octets, func(c *net.TCPConn) { _ = c.CloseWrite() })
			if !strings.HasPrefix(answer, "HTTP/1.1 "+test.status) || strings.Contains(answer, "s3cret") {
				t.Errorf("got %q, want %s", answer, test.status)
			}
			if p.count() != 0 {
				t.Error("the provider was asked")
			}
		})
	}
}

// After a request with both a length and chunks, what follows on the
// connection is not taken for another request (RFC 9112 section 6.1).
func TestMediaTypes(t *testing.T) {
	for _, test := range []struct {
		contentType []string
		basic       bool
		status      int
	}{
		{[]string{"application/x-www-form-urlencoded"}, true, 200},
		{[]string{`application/x-www-form-urlencoded; Charset="utf-8"`}, true, 200},
		{[]string{"Application/X-WWW-Form-Urlencoded;charset=UTF-8"}, true, 200},
		{nil, true, 200},
		{nil, false, 200},
		{[]string{"form"}, true, 200},
		{[]string{"application/x-url-encoded"}, true, 200},
		{[]string{"application/json"}, true, 400},
		{[]string{"application/json"}, false, 200},
		{[]string{"multipart/form-data; boundary=x"}, true, 400},
		{[]string{"multipart/form-data; boundary=x"}, false, 200},
		{[]string{"application/x-www-form-urlencoded; charset=utf-16"}, false, 400},
		{[]string{"application/x-www-form-urlencoded; charset=utf-7"}, true, 400},
		{[]string{"application/x-www-form-urlencoded; a=1; a=2"}, false, 400},
		{[]string{"application/x-www-form-urlencoded; charset"}, false, 400},
		{[]string{"application/x-www-form-urlencoded, application/json"}, false, 400},
		{[]string{"application/x-www-form-urlencoded", "application/json"}, false, 400},
		{[]string{"application/json", "application/x-www-form-urlencoded"}, true, 400},
	} {
		t.Run(strings.Join(test.contentType, "|"), func(t *testing.T) {
			p := startProvider(t, says(ok))
			h := newHandler(t, "http://"+p.Addr().String(), &front{metrics: metrics.New(metrics.Build{}), log: discard()})
			r := httptest.NewRequest("POST", "/oauth2/tokens", strings.NewReader(tokenForm))
			r.Header["Content-Type"] = test.contentType
			if test.basic {
				r.Header.Set("Authorization", basicField)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != test.status || (p.count() == 1) != (test.status == 200) {
				t.Errorf("got %d %s, want %d; the provider was asked %d times", w.Code, w.Body, test.status, p.count())
			}
		})
	}
}

// A body without a media type that can be read is a form, and is sent as one, or
// is refused.
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
			status, got := 400, ""
			h := newHandler(t, "http://provider.example", &front{metrics: metrics.New(metrics.Build{}), log: discard()}, func(c *proxy.Config) {
				c.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
					sent, err := io.ReadAll(r.Body)
					if got = string(sent); r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
						t.Errorf("%q %q: sent as %q", contentType, body, r.Header["Content-Type"])
					}
					return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}, err
				})
			})
			r := httptest.NewRequest("POST", "/oauth2/tokens", strings.NewReader(body))
			r.Header["Content-Type"] = contentType
			r.Header.Set("Authorization", basicField)
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); want != "" {
				status = 200
			}
			if w.Code != status || got != want {
				t.Errorf("%q %q: got %d, sent %q", contentType, body, w.Code, got)
			}
		}
	}
}

// What some server in wide use reads as a form is read and sent as one.
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
			var got, sentAs string
			h := newHandler(t, "http://provider.example", &front{metrics: metrics.New(metrics.Build{}), log: discard()}, func(c *proxy.Config) {
				c.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
					sent, err := io.ReadAll(r.Body)
					got, sentAs = string(sent), r.Header.Get("Content-Type")
					return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: r}, err
				})
			})
			r := httptest.NewRequest("POST", "/oauth2/tokens", strings.NewReader(body))
			r.Header.Set("Content-Type", contentType)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if got != want || (w.Code == 200) != (want != "") || want != "" && sentAs != "application/x-www-form-urlencoded" {
				t.Errorf("%s %q: got %d, sent %q as %q", contentType, body, w.Code, got, sentAs)
			}
		}
	}
}

// What is read as a form must not be compressed, whatever its media type.
func TestA143CompressedBodiesWithoutAMediaType(t *testing.T) {
	h := newHandler(t, "http://provider.example", &front{metrics: metrics.New(metrics.Build{}), log: discard()})
	r := httptest.NewRequest("POST", "/oauth2/tokens", strings.NewReader(tokenForm))
	r.Header.Set("Content-Encoding", "gzip")
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("got %d", w.Code)
	}
}

func TestMethods(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "TRACE", "post", "BREW"} {
		p := startProvider(t, says(ok))
		h := newHandler(t, "http://"+p.Addr().String(), &front{metrics: metrics.New(metrics.Build{}), log: discard()})
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/oauth2/tokens?client_secret=s3cret-one", strings.NewReader(tokenForm))
		r.Method = method
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		h.ServeHTTP(w, r)
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" || p.count() != 0 {
			t.Errorf("%s: got %d %v", method, w.Code, w.Header())
		}
	}
}

// The endpoint's own query reaches the provider beside the client's (RFC 6749
// section 3.2).
func TestEndpointKeepsItsQuery(t *testing.T) {
	for sent, want := range map[string]string{"": "tenant=1", "?a=b": "a=b&tenant=1", "?tenant=2": "tenant=2"} {
		var got string
		provider := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.URL.RawQuery }))
		h := newHandler(t, provider.URL, &front{metrics: metrics.New(metrics.Build{}), log: discard()}, func(c *proxy.Config) {
			c.Endpoint = clientauth.Revocation
			c.Target.RawQuery = "tenant=1"
		})
		r := httptest.NewRequest("POST", "/oauth2/tokens"+sent, strings.NewReader(tokenForm))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		h.ServeHTTP(httptest.NewRecorder(), r)
		provider.Close()
		if got != want {
			t.Errorf("%q became %q, want %q", sent, got, want)
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
				transport := roundTripper(func(r *http.Request) (*http.Response, error) {
					time.Sleep(test.provider)
					return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, r.Context().Err()
				})
				h := newHandler(t, "http://provider.example", &front{metrics: metrics.New(metrics.Build{}), log: discard()}, func(c *proxy.Config) {
					c.Transport, c.Timeout = transport, 15*time.Second
				})
				near, far := net.Pipe()
				server := &http.Server{Handler: h}
				go server.Serve(&onePipe{conn: far, done: make(chan struct{})})
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
