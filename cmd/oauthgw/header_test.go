package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"oauthgw/internal/config"
)

// TestA171ManyFields checks that a header of more than 128 lines is answered with 431, on
// every path, before it is complete, and however it arrives.
func TestA171ManyFields(t *testing.T) {
	t.Parallel()
	g := frontedGateway(t, startEchoProvider(t))
	const first = "POST /t HTTP/1.1\nHost: a\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 3\n\na=b"
	for name, test := range map[string]struct {
		sends    string
		statuses []int // of the responses; the last one is that of the last on the connection
	}{
		"as many as may be":   {"GET /page HTTP/1.1\nHost: a\nConnection: close\n" + strings.Repeat("a:\n", 126) + "\n", []int{200}},
		"one too many":        {"GET /page HTTP/1.1\nHost: a\nConnection: close\n" + strings.Repeat("a:\n", 127) + "\n", []int{431}},
		"at an endpoint":      {"POST /t HTTP/1.1\nHost: a\nContent-Length: 10\n" + strings.Repeat("a:\n", 4000) + "\n", []int{431}},
		"for metadata":        {"GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: a\n" + strings.Repeat("a:\n", 200) + "\n", []int{431}},
		"of any name":         {"GET / HTTP/1.1\nHost: a\n" + strings.Repeat("a:\nb:\n", 64) + "\n", []int{431}},
		"folded":              {"GET / HTTP/1.1\nHost: a\na: b\n" + strings.Repeat(" c\n", 128) + "\n", []int{431}},
		"of HTTP/1.0":         {"GET / HTTP/1.0\nHost: a\n" + strings.Repeat("a:\n", 128) + "\n", []int{431}},
		"without an end":      {"GET / HTTP/1.1\nHost: a\n" + strings.Repeat("a:\n", 128), []int{431}},
		"behind a response":   {first + "GET / HTTP/1.1\nHost: a\n" + strings.Repeat("a:\n", 128), []int{200, 431}},
		"behind many lines":   {"POST /page HTTP/1.1\nHost: a\nContent-Length: 4000\n\n" + strings.Repeat("\n", 2000) + "GET / HTTP/1.1\nHost: a\n" + strings.Repeat("a:\n", 128), []int{200, 431}},
		"counted again":       {first + "GET / HTTP/1.1\nHost: a\nConnection: close\n" + strings.Repeat("a:\n", 126) + "\n", []int{200, 200}},
		"behind an empty one": {first + "\n\nGET / HTTP/1.1\nHost: a\n" + strings.Repeat("a:\n", 128), []int{200, 431}},
	} {
		t.Run(name, func(t *testing.T) {
			c := holdConn(t, g.data, test.sends)
			var statuses []int
			for {
				resp := c.response(t)
				if statuses = append(statuses, resp.StatusCode); resp.Close {
					break
				}
				_, _ = io.Copy(io.Discard, resp.Body)
			}
			if fmt.Sprint(statuses) != fmt.Sprint(test.statuses) {
				t.Errorf("answered %v", statuses)
			}
		})
	}
	eventually(t, "the count", func() bool { return g.malformed(t, "header_too_large") == "10" })
}

// TestA173LargestHeader checks that a header may have 16 KiB, or max_header_bytes, and not a
// byte more.
func TestA173LargestHeader(t *testing.T) {
	t.Parallel()
	provider := startEchoProvider(t)
	expectLargestHeader(t, frontedGateway(t, provider), 16<<10)
	expectLargestHeader(t, frontedGateway(t, provider, func(c *config.Config) { c.MaxHeaderBytes = 20_000 }), 20_000)
}

func expectLargestHeader(t *testing.T, g testGateway, largest int) {
	t.Helper()
	for name, header := range map[string]func(rest string) string{
		"one field": func(rest string) string { return "GET / HTTP/1.1\nHost: a\nConnection: close\nA: " + rest + "\n\n" },
		"two fields": func(rest string) string {
			return "GET / HTTP/1.1\nHost: a\nConnection: close\nA: " + rest[5000:] + "\nB: " + rest[:5000] + "\n\n"
		},
		"the target": func(rest string) string { return "GET /?" + rest + " HTTP/1.1\nHost: a\nConnection: close\n\n" },
		"an endpoint": func(rest string) string {
			return "POST /t HTTP/1.1\nHost: a\nContent-Length: 3\nContent-Type: application/x-www-form-urlencoded\nConnection: close\nA: " + rest + "\n\n"
		},
	} {
		for size, status := range map[int]int{largest: 200, largest + 1: 431} {
			sent := func(rest int) int {
				text := header(strings.Repeat("x", rest))
				return len(text) + strings.Count(text, "\n")
			} // as CRLF
			text := header(strings.Repeat("x", 5000+size-sent(5000)))
			if name == "an endpoint" {
				text += "a=b"
			}
			if resp := holdConn(t, g.data, text).response(t); resp.StatusCode != status {
				t.Errorf("%s, %d bytes: %v", name, size, resp)
			}
		}
	}
}

// TestA175LongPaths checks that a path may have 2 KiB, however long its query is.
func TestA175LongPaths(t *testing.T) {
	t.Parallel()
	g := frontedGateway(t, startEchoProvider(t))
	for _, path := range []string{"/", "/.well-known/oauth-authorization-server/%41", "/%41"} {
		long := path + strings.Repeat("x", 2048-len(path))
		for target, refused := range map[string]bool{long: false, long + "?" + strings.Repeat("x", 8000): false, long + "x": true, "http://a" + long: false, "http://a" + long + "x": true} {
			for _, method := range []string{"GET", "POST"} {
				resp := holdConn(t, g.data, method+" "+target+" HTTP/1.1\nHost: a\nContent-Length: 3\nConnection: close\n\nabc").response(t)
				if (resp.StatusCode == http.StatusRequestURITooLong) != refused {
					t.Errorf("%s of %d bytes: %d", method, len(target), resp.StatusCode)
				}
			}
		}
	}
}

// startEchoProvider starts a provider whose responses are the bodies of the requests.
func startEchoProvider(t *testing.T) string {
	t.Helper()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	t.Cleanup(provider.Close)
	return provider.URL
}
