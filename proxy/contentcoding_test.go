package proxy_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"strings"
	"testing"

	"oauthgw/clientauth"
	"oauthgw/metrics"
)

// compressed returns a text in the format of a writer.
func compressed(t *testing.T, text string, open func(io.Writer) io.WriteCloser) string {
	t.Helper()
	var b bytes.Buffer
	w := open(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func gzipped(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }

func zlibbed(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }

func deflated(w io.Writer) io.WriteCloser {
	f, _ := flate.NewWriter(w, flate.DefaultCompression) // the level is valid
	return f
}

func TestD13CompressedResponses(t *testing.T) {
	const token = `{"access_token":"x","token_type":"Bearer"}`
	once := compressed(t, token, gzipped)
	bomb := compressed(t, `{"access_token":"`+strings.Repeat("x", 1<<20)+`"}`, gzipped)
	for _, test := range []struct {
		name, coding, body string
		want               int
		reason             string
	}{
		{"gzip", "gzip", once, 200, ""},
		{"another name and case", "X-GZIP", once, 200, ""},
		{"deflate", "deflate", compressed(t, token, zlibbed), 200, ""},
		{"deflate without zlib", "deflate", compressed(t, token, deflated), 200, ""},
		{"identity", "identity", token, 200, ""},
		{"two codings", "gzip, deflate", compressed(t, once, zlibbed), 502, "encoded_reply"},
		{"an unknown coding", "gzip, br", once, 502, "encoded_reply"},
		{"truncated", "gzip", once[:len(once)-9], 502, "broken_reply"},
		{"truncated deflate", "deflate", compressed(t, token, deflated)[:20], 502, "broken_reply"},
		{"not compressed", "gzip", token, 502, "broken_reply"},
		{"half of an object", "gzip", compressed(t, token[:20], gzipped), 502, "broken_reply"},
		{"a bomb", "gzip", bomb, 502, "large_reply"},
	} {
		h := http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {test.coding}, "Vary": {"Accept-Encoding"}, "Etag": {`"x"`}}
		f := &front{metrics: metrics.New(metrics.Build{}), log: discard()}
		handler := newHandler(t, "http://provider.example", f, over(func(r *http.Request) (*http.Response, error) { return respond(r, 200, h, test.body), nil }))
		w := serve(handler, "POST", "/oauth2/tokens", tokenForm, ofForm())
		switch {
		case w.Code != test.want, test.reason != "" && !strings.Contains(f.log.String(), `"err":"`+test.reason+`"`), w.Code == 200 && w.Body.String() != token:
			t.Errorf("%s: got %d %s", test.name, w.Code, w.Body)
		case w.Code == 200 && test.coding != "identity" && (w.Header().Get("Content-Encoding") != "" || w.Header().Get("Etag") != "" || w.Header().Get("Vary") == ""):
			t.Errorf("%s: got %v", test.name, w.Header())
		}
	}
}

// A response that has no body is not decoded.
func TestD13CompressedNothing(t *testing.T) {
	w := answering(t, 200, http.Header{"Content-Encoding": {"gzip"}}, "", basicField, at(clientauth.Revocation))
	if w.Code != 200 || w.Header().Get("Content-Encoding") != "" || w.Body.Len() != 0 {
		t.Errorf("got %d %v", w.Code, w.Header())
	}
}
