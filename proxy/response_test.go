package proxy_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"oauthgw/clientauth"
	"oauthgw/internal/jsonobject"
	"oauthgw/proxy"
)

func discard() *bytes.Buffer { return new(bytes.Buffer) }

// answering returns the response of an endpoint whose provider responds so.
func answering(t testing.TB, status int, header http.Header, body string, authorization string, change ...func(*proxy.Config)) *httptest.ResponseRecorder {
	t.Helper()
	h := endpointOver(t, func(r *http.Request) (*http.Response, error) { return respond(r, status, header, body), nil }, change...)
	return serve(h, "POST", "/oauth2/tokens", tokenForm, ofForm("Authorization", authorization))
}

func TestWhatCountsAsInvalidClient(t *testing.T) {
	for body, corrected := range map[string]bool{
		`{"error":"invalid_client"}`:                                        true,
		` {"x":{"error":"x"},"error" : "invalid_client" } ` + "\n":          true,
		`{"\u0065rror":"invalid\u005fclient"}`:                              true,
		`{"Error":"x","error":"invalid_client"}`:                            true,
		`{"Error":"invalid_client"}`:                                        false,
		`{"error":"invalid_grant"}`:                                         false,
		`{"error":"invalid_client","error":"invalid_client"}`:               false,
		`{"error":["invalid_client"]}`:                                      false,
		`{"x":{"error":"invalid_client"}}`:                                  false,
		`[{"error":"invalid_client"}]`:                                      false,
		`{"error":"invalid_client"} {}`:                                     false,
		`{"error":"invalid_client"`:                                         false,
		"\ufeff\ufeff" + `{"error":"invalid_client"}`:                       false,
		`"invalid_client"`:                                                  false,
		`{"x":` + strings.Repeat("[", 10001) + `,"error":"invalid_client"}`: false,
		"": false,
	} {
		w := answering(t, 400, http.Header{}, body, basicField)
		if (w.Code == 401) != corrected || w.Body.String() != body {
			t.Errorf("%.60q: got %d %q", body, w.Code, w.Body)
		}
		if (w.Header().Get("Www-Authenticate") != "") != corrected {
			t.Errorf("%.60q: challenge %q", body, w.Header().Get("Www-Authenticate"))
		}
	}
}

func TestWhichRejectionsAreCorrected(t *testing.T) {
	for _, test := range []struct {
		endpoint  clientauth.Endpoint
		basic     bool
		from, to  int
		challenge bool
	}{
		{clientauth.Token, true, 400, 401, true},
		{clientauth.Token, false, 400, 400, false},
		{clientauth.Token, true, 401, 401, true},
		{clientauth.Token, false, 401, 401, true},
		{clientauth.Token, true, 403, 403, false},
		{clientauth.Token, true, 500, 500, false},
		{clientauth.Revocation, true, 400, 401, true},
		{clientauth.Revocation, false, 400, 400, false},
		{clientauth.PushedAuthorizationRequest, false, 400, 400, false},
		{clientauth.DeviceAuthorization, true, 400, 401, true},
		{clientauth.Introspection, false, 400, 401, true},
		{clientauth.BackchannelAuthentication, false, 400, 401, true},
	} {
		authorization := ""
		if test.basic {
			authorization = basicField
		}
		w := answering(t, test.from, http.Header{}, `{"error":"invalid_client"}`, authorization, at(test.endpoint))
		if w.Code != test.to || (w.Header().Get("Www-Authenticate") == `Basic realm="example"`) != test.challenge {
			t.Errorf("%s, basic %v, %d: got %d %v", test.endpoint, test.basic, test.from, w.Code, w.Header())
		}
	}
}

func TestStoringIsForbiddenOnce(t *testing.T) {
	for in, want := range map[string]string{"": "no-store", "private, No-Store": "private, No-Store", "max-age=60": "max-age=60|no-store"} {
		h := http.Header{}
		if in != "" {
			h.Set("Cache-Control", in)
		}
		w := answering(t, 200, h, "{}", "")
		if got := strings.Join(w.Header()["Cache-Control"], "|"); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
}

// Whatever a provider says, the body passes as it is or loses members, the status becomes 401
// or 200 only, or the gateway answers for it.
func FuzzResponse(f *testing.F) {
	f.Add(400, "application/json", `{"error":"invalid_client"}`)
	f.Add(200, "application/json", `{"access_token":"x"`)
	f.Add(302, "text/html", "")
	f.Add(99, "application/json", "\ufeff{}")
	f.Add(204, "0", "0")
	f.Add(327, "0", "0")
	f.Add(401, "0", "{[")
	f.Add(183, "0", "0")
	f.Fuzz(func(t *testing.T, status int, contentType, body string) {
		if status < 0 || status > 1000 {
			return
		}
		w := answering(t, status, http.Header{"Content-Type": {contentType}}, body, basicField)
		switch {
		case w.Code == http.StatusBadGateway && strings.Contains(w.Body.String(), `"error":"server_error"`):
		case w.Body.String() != body && !losesMembers(body, w.Body.Bytes()):
			t.Fatalf("the body changed from %q to %q", body, w.Body)
		case w.Code != status && !(status == 400 && w.Code == 401) && !(status == 201 && w.Code == 200):
			t.Fatalf("the status changed from %d to %d", status, w.Code)
		}
	})
}

// losesMembers reports whether each member of an object is one of another object, and whether
// both have a token unless the other only had a byte order mark.
func losesMembers(from string, to []byte) bool {
	whole, err := jsonobject.Parse([]byte(strings.TrimPrefix(from, "\ufeff")))
	rest, restErr := jsonobject.Parse(to)
	for _, m := range rest.Members() {
		if !bytes.Equal(whole.Get(m.Name), m.Value) {
			return false
		}
	}
	return err == nil && restErr == nil && (rest.Text("access_token") != "" || rest.Len() == whole.Len())
}

// On other paths net/http would guess only if the body is written before the
// header is flushed, which happens now and then. An interim response, which makes
// ReverseProxy clear the header, changes nothing.
func TestA149D12OtherPathsStayUntyped(t *testing.T) {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hinted" {
			w.WriteHeader(http.StatusEarlyHints)
		}
		w.Header()["Content-Type"] = nil
		_, _ = io.WriteString(w, "<html><script>alert(1)</script>")
	}))
	defer provider.Close()
	passes := httptest.NewServer(passthroughOver(provider.URL, proxy.NewPassthroughTransport("", nil)))
	defer passes.Close()
	for i := range 400 {
		resp, err := http.Get(passes.URL + []string{"/", "/hinted"}[i%2])
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if values, ok := resp.Header["Content-Type"]; ok || err != nil || len(body) != 31 {
			t.Fatalf("response %d: got %q %q %v", i, values, body, err)
		}
	}
}

// TestPanicClosesTheResponse checks that a response whose reading panics is closed, because
// it holds a place at the provider, and that the outcome is panic.
func TestPanicClosesTheResponse(t *testing.T) {
	var outcome string
	body := &panicking{}
	h := endpointOver(t, func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: body, ContentLength: -1, Request: r}, nil
	}, func(c *proxy.Config) {
		c.OnDecision = func(_ context.Context, d proxy.Decision) { outcome = d.Outcome }
	})
	defer func() {
		if recover() == nil || !body.closed || outcome != "panic" {
			t.Errorf("closed %v, outcome %q", body.closed, outcome)
		}
	}()
	serve(h, "POST", "/oauth2/tokens", tokenForm, ofForm())
}

// panicking is a response body that panics.
type panicking struct{ closed bool }

// Read implements [io.Reader].
func (p *panicking) Read([]byte) (int, error) { panic("canary") }

// Close implements [io.Closer].
func (p *panicking) Close() error { p.closed = true; return nil }

// TestBounds checks both sides of each bound.
func TestBounds(t *testing.T) {
	for status, want := range map[int]int{200: 200, 299: 299, 300: 502, 399: 502, 400: 400, 599: 599, 600: 502, 199: 502} {
		if w := answering(t, status, http.Header{}, "x", ""); w.Code != want {
			t.Errorf("status %d: got %d, want %d", status, w.Code, want)
		}
	}
	for size, want := range map[int]int{1 << 20: 200, 1<<20 + 1: 502} {
		if w := answering(t, 200, http.Header{}, strings.Repeat("x", size), ""); w.Code != want {
			t.Errorf("a response of %d bytes: got %d, want %d", size, w.Code, want)
		}
	}
	for size, want := range map[int]int{64 << 10: 200, 64<<10 + 1: 413} {
		for _, length := range []int64{int64(size), -1} {
			h := endpointOver(t, func(r *http.Request) (*http.Response, error) { return respond(r, 200, http.Header{}, tokenAnswer), nil })
			body := "assertion="
			r := httptest.NewRequest("POST", "/oauth2/tokens", strings.NewReader(body+strings.Repeat("x", size-len(body))))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.ContentLength = length
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); w.Code != want {
				t.Errorf("a body of %s: got %d, want %d", fmt.Sprint(size, length), w.Code, want)
			}
		}
	}
}

// TestA171LargeResponseHeaders checks the bound on other paths than endpoints.
func TestA171LargeResponseHeaders(t *testing.T) {
	for size, want := range map[int]int{60 << 10: 200, 70 << 10: 502} {
		p := startProvider(t, says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"+strings.Repeat("X-A: "+strings.Repeat("x", 993)+"\r\n", size/1000)+"\r\n"))
		h := passthroughOver("http://"+p.Addr().String(), proxy.NewPassthroughTransport("", nil))
		w := serve(h, "GET", "/", "", nil)
		if w.Code != want {
			t.Errorf("%d bytes: got %d, want %d", size, w.Code, want)
		}
	}
}
