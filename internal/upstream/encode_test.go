package upstream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// encodeStandard is encode with net/http. It takes no non-canonical names of fields that are not sent.
func encodeStandard(r *http.Request) ([]byte, error) {
	out := *r
	if r.Body == nil || r.ContentLength == 0 {
		out.Body, out.ContentLength = http.NoBody, 0
	}
	out.Header = maps.Clone(r.Header)
	maps.DeleteFunc(out.Header, func(name string, _ []string) bool {
		switch canonical := http.CanonicalHeaderKey(name); canonical {
		case "Host", "User-Agent", "Content-Length", "Transfer-Encoding", "Trailer":
			return name != canonical
		}
		return false
	})
	var message bytes.Buffer
	err := out.Write(&message)
	return message.Bytes(), err
}

// requestOf returns a POST with a body.
func requestOf(body string) *http.Request {
	return &http.Request{
		Method: "POST", URL: &url.URL{Scheme: "https", Host: "login.example.com", Path: "/oauth2/token"},
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		Body:   io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// A request has the same bytes as from net/http, in a buffer that has never grown.
func TestEncode(t *testing.T) {
	for name, change := range map[string]func(*http.Request){
		"form":                   func(*http.Request) {},
		"no method":              func(r *http.Request) { r.Method = "" },
		"GET with a body":        func(r *http.Request) { r.Method = "GET" },
		"GET":                    func(r *http.Request) { r.Method, r.Body, r.ContentLength = "GET", nil, 0 },
		"HEAD":                   func(r *http.Request) { r.Method, r.Body, r.ContentLength = "HEAD", http.NoBody, 0 },
		"POST without a body":    func(r *http.Request) { r.Body, r.ContentLength = nil, 0 },
		"PUT without a body":     func(r *http.Request) { r.Method, r.Body, r.ContentLength = "PUT", http.NoBody, 0 },
		"PATCH without a body":   func(r *http.Request) { r.Method, r.Body, r.ContentLength = "PATCH", http.NoBody, 0 },
		"DELETE without a body":  func(r *http.Request) { r.Method, r.Body, r.ContentLength = "DELETE", http.NoBody, 0 },
		"no body, but a length":  func(r *http.Request) { r.Body = http.NoBody },
		"nil body, but a length": func(r *http.Request) { r.Body = nil },
		"body in pieces":         func(r *http.Request) { r.Body = io.NopCloser(iotest.OneByteReader(r.Body)) },
		"body with its end":      func(r *http.Request) { r.Body = io.NopCloser(iotest.DataErrReader(r.Body)) },
		"long body": func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(strings.Repeat("x", 1<<20))), 1<<20
		},
		"host":                          func(r *http.Request) { r.Host = "other.example:8443" },
		"no host":                       func(r *http.Request) { r.URL.Host = "" },
		"IPv6 address":                  func(r *http.Request) { r.Host = "[::1]:80" },
		"IPv6 zone":                     func(r *http.Request) { r.Host = "[fe80::1%eth0]:80" },
		"two percent signs":             func(r *http.Request) { r.Host = "[fe80::1%a%b]" },
		"percent sign":                  func(r *http.Request) { r.Host = "a%b]" },
		"percent sign after an address": func(r *http.Request) { r.Host = "[::1]%b" },
		"no bracket":                    func(r *http.Request) { r.Host = "[a%b" },
		"query":                         func(r *http.Request) { r.URL.RawQuery = "a=b&c=%20" },
		"empty query":                   func(r *http.Request) { r.URL.ForceQuery = true },
		"escaped path":                  func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/a b/c", "/a%20b%2Fc" },
		"space in a path":               func(r *http.Request) { r.URL.Path = "/a b\n" },
		"no path":                       func(r *http.Request) { r.URL.Path = "" },
		"opaque":                        func(r *http.Request) { r.URL.Opaque = "//other.example/a" },
		"asterisk":                      func(r *http.Request) { r.Method, r.URL.Path = "OPTIONS", "*" },
		"no header":                     func(r *http.Request) { r.Header = nil },
		"user agent":                    func(r *http.Request) { r.Header["User-Agent"] = []string{" a\r\nb ", "c"} },
		"empty user agent":              func(r *http.Request) { r.Header["User-Agent"] = []string{""} },
		"blank user agent":              func(r *http.Request) { r.Header["User-Agent"] = []string{"\n"} },
		"user agent without a value":    func(r *http.Request) { r.Header["User-Agent"] = nil },
		"fields that are not sent": func(r *http.Request) {
			for _, name := range append(unsent, "content-length", "TRANSFER-ENCODING", "host") {
				r.Header[name] = []string{"7"}
			}
		},
		"values": func(r *http.Request) {
			r.Header["B"] = []string{"", "b", " \t\r\nb\r\n \t", "b\r\nInjected: x", "\xff\x00\x7f"}
			r.Header["A"], r.Header["C"], r.Header["b"] = []string{}, nil, []string{"lower case"}
		},
		"invalid names": func(r *http.Request) {
			for _, name := range []string{"", " ", "a b", "a:", "A\r\nB", "\x00", "ä", "(", "a\x7f"} {
				r.Header[name] = []string{"x"}
			}
		},
		"many fields": func(r *http.Request) {
			for c := byte('A'); c <= 'Z'; c++ {
				r.Header[string([]byte{c, c})], r.Header[string([]byte{'Z', c})] = []string{"1", "2"}, []string{"3"}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, again := requestOf("code=1"), requestOf("code=1")
			change(r)
			change(again)
			got, err := encode(r)
			want, wantErr := encodeStandard(again)
			if !bytes.Equal(got, want) || err != nil || wantErr != nil {
				t.Errorf("got  %q %v\nwant %q %v", got, err, want, wantErr)
			}
			if len(got) != cap(got) {
				t.Errorf("a buffer of %d bytes holds %d", cap(got), len(got))
			}
		})
	}
}

// A request that is invalid, or has a body of another length, is not sent.
func TestInvalidRequests(t *testing.T) {
	s := serve(t, raw(ok, true))
	for name, test := range map[string]struct {
		change func(*http.Request)
		want   error
	}{
		"method with a space":   {func(r *http.Request) { r.Method = "GET /" }, errStart},
		"method with a newline": {func(r *http.Request) { r.Method = "GET\n" }, errStart},
		"host with a space":     {func(r *http.Request) { r.Host = "a b" }, errStart},
		"host with a newline":   {func(r *http.Request) { r.Host = "a\r\nInjected: x" }, errStart},
		"host with a slash":     {func(r *http.Request) { r.Host = "a/b" }, errStart},
		"host with an umlaut":   {func(r *http.Request) { r.Host = "ä.example" }, errStart},
		"zone with a space":     {func(r *http.Request) { r.Host = "[fe80::1% x]" }, errStart},
		"host of the URL":       {func(r *http.Request) { r.URL.Host = "a\x00" }, errStart},
		"query with a space":    {func(r *http.Request) { r.URL.RawQuery = "a b" }, errStart},
		"query with a newline":  {func(r *http.Request) { r.URL.RawQuery = "a\r\nInjected: x" }, errStart},
		"query with a control":  {func(r *http.Request) { r.URL.RawQuery = "a\x7f" }, errStart},
		"opaque with a newline": {func(r *http.Request) { r.URL.Opaque = "a\n" }, errStart},
		"short body":            {func(r *http.Request) { r.ContentLength++ }, errBody},
		"no body":               {func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("")) }, errBody},
		"long body":             {func(r *http.Request) { r.ContentLength-- }, errBody},
		"body without a length": {func(r *http.Request) { r.ContentLength = 0 }, errBody},
		"unknown length":        {func(r *http.Request) { r.ContentLength = -1 }, errBody},
		"broken body":           {func(r *http.Request) { r.Body = io.NopCloser(iotest.TimeoutReader(iotest.OneByteReader(r.Body))) }, iotest.ErrTimeout},
		"broken after its end": {func(r *http.Request) {
			r.Body = io.NopCloser(io.MultiReader(r.Body, iotest.ErrReader(iotest.ErrTimeout)))
		}, iotest.ErrTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			r := requestOf("client_secret=canary")
			test.change(r)
			body := &watchedBody{Reader: r.Body}
			r.Body = body
			_, _, err := send(s.transport(t), r)
			if !errors.Is(err, test.want) || strings.Contains(fmt.Sprint(err), "canary") {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if body.closed != 1 || !body.isCleared() {
				t.Errorf("the body was closed %d times; its bytes were cleared: %v", body.closed, body.isCleared())
			}
		})
	}
	if s.connections.Load() != 0 {
		t.Errorf("%d connections", s.connections.Load())
	}
}

// watchedBody keeps the buffers that were filled from it.
type watchedBody struct {
	io.Reader
	buffers [][]byte
	closed  int
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.buffers = append(b.buffers, p)
	return b.Reader.Read(p)
}

func (b *watchedBody) Close() error {
	b.closed++
	return nil
}

// isCleared reports whether the buffers hold nothing.
func (b *watchedBody) isCleared() bool {
	return !slices.ContainsFunc(b.buffers, func(buffer []byte) bool { return !isZero(buffer) })
}

func isZero(p []byte) bool { return len(bytes.Trim(p, "\x00")) == 0 }

// watchedConn looks at what was written when the response is read.
type watchedConn struct {
	net.Conn
	written   []byte
	isCleared bool
}

func (c *watchedConn) Write(p []byte) (int, error) {
	c.written = p
	return c.Conn.Write(p)
}

func (c *watchedConn) Read(p []byte) (int, error) {
	c.isCleared = c.written != nil && isZero(c.written)
	return c.Conn.Read(p)
}

// The bytes of a request are cleared as soon as it is sent, and if it is not sent.
func TestRequestsAreCleared(t *testing.T) {
	s := serve(t, raw(ok, true))
	transport := s.transport(t)
	plain, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	watched := &watchedConn{Conn: plain}
	c := newConn(watched)
	c.raw = plain
	transport.pool.put(c)
	if status, _, err := send(transport, requestOf("code=1")); status != 200 || err != nil || !watched.isCleared {
		t.Errorf("sent: %d %v, cleared: %v", status, err, watched.isCleared)
	}

	transport.inFlight = make(chan struct{})
	down := New(Config{Server: &url.URL{Scheme: "http"}, Socket: filepath.Join(t.TempDir(), "missing")})
	for want, transport := range map[error]*Transport{ErrBusy: transport, ErrUnreachable: down} {
		r := requestOf("code=1")
		body := &watchedBody{Reader: r.Body}
		r.Body = body
		if _, _, err := send(transport, r); !errors.Is(err, want) || !body.isCleared() {
			t.Errorf("got %v, want %v; cleared: %v", err, want, body.isCleared())
		}
	}
}

// A request is sent as net/http sends it, or refused for a reason.
func FuzzEncode(f *testing.F) {
	f.Add("POST", "login.example.com", "/token", "a=b", "", "Content-Type", "text/plain", "User-Agent", "x", "code=1", int64(6))
	f.Add("GET", "[fe80::1%eth0]:80", "/a b", "a\r\nb", "//x", "transfer-encoding", "chunked", "A\nB", " a\r\nb ", "", int64(0))
	f.Add("", "", "", "", "", "", "\n", "User-Agent", "", "x", int64(0))
	f.Add("PUT /", "a b\x00", "*", "", "o", "Host", "a", "Content-Length", "1", "x", int64(-1))
	f.Fuzz(func(t *testing.T, method, host, path, query, opaque, name, value, other, otherValue, body string, length int64) {
		if method == http.MethodConnect && path == "" || length > 1<<20 {
			return // its target is the host, which no client can send here
		}
		request := func() *http.Request {
			return &http.Request{
				Method: method, Host: host, URL: &url.URL{Host: "login.example.com", Path: path, RawQuery: query, Opaque: opaque},
				Header: http.Header{name: {value, value}, other: {otherValue}},
				Body:   io.NopCloser(strings.NewReader(body)), ContentLength: length,
			}
		}
		got, err := encode(request())
		switch {
		case err == nil:
			want, err := encodeStandard(request())
			if !bytes.Equal(got, want) || err != nil || len(got) != cap(got) {
				t.Errorf("got  %q\nwant %q %v", got, want, err)
			}
		case errors.Is(err, errBody):
			if length == int64(len(body)) {
				t.Errorf("a body of %d bytes: %v", length, err)
			}
		case !errors.Is(err, errStart):
			t.Error(err)
		default:
			isValid := regexp.MustCompile("^[0-9A-Za-z!#$%&'*+.^_`|~-]*$").MatchString(method) &&
				regexp.MustCompile(`^[0-9A-Za-z!$%&'()*+,.:;=[\]_~-]*$`).MatchString(host) &&
				!regexp.MustCompile(`[\x00-\x20\x7f]`).MatchString(opaque+query)
			if isValid {
				t.Errorf("%q %q %q %q: %v", method, host, opaque, query, err)
			}
		}
	})
}
