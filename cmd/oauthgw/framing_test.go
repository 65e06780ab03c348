package main

import (
	"crypto/tls"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/config"
)

// These tests are about where a request ends, and what else the first bytes of a connection
// can mean.

// framed returns a request with other fields in place of its length.
func framed(fields, body string) string { return wireHead + fields + "\r\n\r\n" + body }

// toPassthrough returns a request for a path that is no endpoint.
func toPassthrough(request string) string { return strings.Replace(request, " /t ", " /elsewhere ", 1) }

// lasting returns a request of HTTP/1.0 that asks to keep the connection.
func lasting(request string) string {
	return strings.Replace(request, "HTTP/1.1\r\n", "HTTP/1.0\r\nConnection: keep-alive\r\n", 1)
}

func TestA051LengthAndChunks(t *testing.T) {
	smuggled := "0\r\n\r\n" + wireRequest
	runWireTests(t, map[string]wireTest{
		"length first":        {framed("Content-Length: 5\r\nTransfer-Encoding: chunked", smuggled), "200", 1, "", false},
		"chunks first":        {framed("Transfer-Encoding: chunked\r\nContent-Length: 5", smuggled), "200", 1, "", false},
		"elsewhere":           {toPassthrough(framed("Content-Length: 5\r\nTransfer-Encoding: chunked", smuggled)), "200", 1, "", false},
		"of all":              {"OPTIONS * HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + smuggled, "400", 0, "", false},
		"in lasting HTTP/1.0": {lasting(framed("Content-Length: 5\r\nTransfer-Encoding: chunked", smuggled)), "400", 0, "", false},
	})
}

func TestA052Lengths(t *testing.T) {
	tests := map[string]wireTest{
		"that differ": {framed("Content-Length: 29\r\nContent-Length: 3", wireForm), "400", 0, "", false},
	}
	for _, length := range []string{"29, 29", "+29", "0x1d", "-1", "", "2_9", "2 9", "29 ,", "9223372036854775808", "29\x0b", "29\x00"} {
		tests["of "+length] = wireTest{framed("Content-Length: "+length, wireForm), "400", 0, "", false}
	}
	tests["with a space before the colon"] = wireTest{framed("Content-Length : 29", wireForm), "400", 0, "", false}
	tests["equal in other digits"] = wireTest{framed("Content-Length: 29\r\nContent-Length: 029", wireForm), "400", 0, "", false}
	tests["equal"] = wireTest{framed("Content-Length: 29\r\nContent-Length: 29", wireForm), "200 200", 2, "content-length: 29, ", false}
	runWireTests(t, tests)
}

func TestA053TransferCodings(t *testing.T) {
	tests := map[string]wireTest{}
	for _, field := range []string{
		"Transfer-Encoding: xchunked", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: gzip, chunked",
		"Transfer-Encoding: identity", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
		"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", "Transfer-Encoding: \"chunked\"", "Transfer-Encoding: ",
		"Transfer-Encoding: chunked;a=b", "Transfer-Encoding: chunked,", "Transfer-Encoding: \xa0chunked",
		"Transfer-Encoding: \x0bchunked", "Transfer-Encoding : chunked",
		"Transfer-Encoding: identity\r\nContent-Length: 29", "Content-Length: 29\r\nTransfer-Encoding: xchunked",
	} {
		tests[field] = wireTest{framed(field, wireChunks), "400|501", 0, "", false}
	}
	for _, field := range []string{"Transfer-Encoding:chunked", "Transfer-Encoding:\tchunked\t"} {
		tests[field] = wireTest{framed(field, wireChunks), "200", 1, "", false}
	}
	runWireTests(t, tests)
}

func TestA054TransferEncodingInDisguise(t *testing.T) {
	chunks := framed("Transfer-Encoding: chunked", wireChunks)
	old := strings.Replace(chunks, "HTTP/1.1", "HTTP/1.0", 1)
	runWireTests(t, map[string]wireTest{
		"folded":              {framed("Transfer-Encoding:\r\n chunked", wireChunks), "200", 1, "", false},
		"folded after it":     {framed("Transfer-Encoding: chunked\r\n , identity", wireChunks), "400|501", 0, "", false},
		"after a fold":        {framed("X: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 29", wireForm), "200 200", 2, "", false},
		"in other case":       {framed("Transfer-Encoding: chunKED", wireChunks), "200", 1, "", false},
		"in HTTP/1.0":         {old, "400", 0, "", false},
		"in lasting HTTP/1.0": {lasting(chunks), "400", 0, "", false},
		// Nothing after the fields is read as a request.
		"elsewhere, in lasting HTTP/1.0": {toPassthrough(lasting(chunks)), "200", 1, wireCode, false},
	})
}

// brokenChunks are malformed chunks of a form.
var brokenChunks = map[string]string{
	"a bare LF behind a size": "1d\n" + wireForm + "\r\n0\r\n\r\n",
	"a bare LF behind data":   "1d\r\n" + wireForm + "\n0\r\n\r\n",
	"a size with a prefix":    "0x1d\r\n" + wireForm + "\r\n0\r\n\r\n",
	"a negative size":         "-1d\r\n" + wireForm + "\r\n0\r\n\r\n",
	"a huge size":             "10000000000000001d\r\n" + wireForm + "\r\n0\r\n\r\n",
	"a size of another base":  "zz\r\n" + wireForm + "\r\n0\r\n\r\n",
	"a size with a plus":      "+1d\r\n" + wireForm + "\r\n0\r\n\r\n",
	"an empty size":           "\r\n" + wireForm + "\r\n0\r\n\r\n",
	"a size too small":        "1c\r\n" + wireForm + "\r\n0\r\n\r\n",
	"a size of many digits":   "00000000000000000000001d\r\n" + wireForm + "\r\n0\r\n\r\n",
	"a bare CR behind a size": "1d\r" + wireForm + "\r\n0\r\n\r\n",
	"an LF in an extension":   "1d;a\nb\r\n" + wireForm + "\r\n0\r\n\r\n",
	"a trailer with a NUL":    "1d\r\n" + wireForm + "\r\n0\r\nX: a\x00b\r\n\r\n",
	"a trailer of no field":   "1d\r\n" + wireForm + "\r\n0\r\nGET /x HTTP/1.1\r\n\r\n",
}

func TestA055BrokenChunks(t *testing.T) {
	tests := map[string]wireTest{}
	for name, body := range brokenChunks {
		tests[name] = wireTest{framed("Transfer-Encoding: chunked", body), "400", 0, "", false}
	}
	runWireTests(t, tests)
}

// TestA055BrokenChunksElsewhere checks that on other paths, where bodies are sent on while
// they arrive, the provider never gets a complete request, and no upstream error is counted.
func TestA055BrokenChunksElsewhere(t *testing.T) {
	for name, body := range brokenChunks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			provider := startScriptedProvider(t)
			g := frontedGateway(t, provider.url())
			sends := toPassthrough(framed("Transfer-Encoding: chunked", body))
			if answers := statusesOnWire(t, g.data, wireTest{sends: sends}); !slices.Equal(answers, []string{"400"}) {
				t.Errorf("answered %q", answers)
			}
			if asked := provider.received(); asked != "" && !strings.HasPrefix(asked, "unreadable: ") {
				t.Errorf("the provider got %q", asked)
			}
			if text := g.settledMetrics(t); strings.Contains(text, "oauthgw_upstream_errors_total{") {
				t.Errorf("an upstream error is counted:\n%s", text)
			}
		})
	}
}

func TestA056LineEnds(t *testing.T) {
	with := func(field string) string {
		return strings.Replace(wireRequest, "Host: a\r\n", "Host: a\r\n"+field+"\r\n", 1)
	}
	tests := map[string]wireTest{
		"a field beyond ASCII": {with("X: a\xe9\xffb"), "200 200", 2, "", false},
		"CR LF with a CR more": {with("X: a\r"), "400", 0, "", false},
		"a space before it":    {" " + wireRequest, "400", 0, "", false},
	}
	for _, field := range []string{"X: a\x00b", "X: a\x7fb", "X: a\fb", "X", ": x", "X Y: x", "X/Y: x", "X: a\rTransfer-Encoding: chunked"} {
		tests[field] = wireTest{with(field), "400", 0, "", false}
	}
	runWireTests(t, tests)
	runWireTests(t, map[string]wireTest{
		// RFC 9112 section 2.2 allows it.
		"LF alone":                {strings.ReplaceAll(wireRequest, "\r\n", "\n"), "200 200", 2, "", false},
		"CR alone":                {strings.Replace(wireRequest, "Host: a\r\n", "Host: a\r", 1), "400", 0, "", false},
		"CR in a value":           {strings.Replace(wireRequest, "Host: a\r\n", "Host: a\r\nX: a\rb\r\n", 1), "400", 0, "", false},
		"a first field folded":    {strings.Replace(wireRequest, "Host: a", " Host: a", 1), "400", 0, "", false},
		"an empty line before it": {"\r\n" + wireRequest, "400", 0, "", false},
	})
}

func TestA057Pipeline(t *testing.T) {
	runWireTests(t, map[string]wireTest{
		"ends at a malformed request": {wireRequest + "GET\r\n\r\n", "200 400", 1, "", false},
		"is answered in order":        {wireRequest + wireRequest, "200 200 200", 3, "", false},
	})
}

func TestA057Versions(t *testing.T) {
	tests := map[string]wireTest{}
	for _, version := range []string{" HTTP/0.9", " HTTP/2.0", " HTTP/11", " http/1.1", " HTTP/1", " HTTP/01.1", "  HTTP/1.1", " HTTP/1.1 ", " "} {
		tests[version] = wireTest{strings.Replace(wireRequest, " HTTP/1.1", version, 1), "400|505", 0, "", false}
	}
	tests[" HTTP/1.9"] = wireTest{strings.Replace(wireRequest, " HTTP/1.1", " HTTP/1.9", 1), "200 200", 2, "http/1.9", false}
	runWireTests(t, tests)
}

func TestA058Hosts(t *testing.T) {
	to := func(field string) string { return strings.Replace(wireRequest, "Host: a\r\n", field, 1) }
	tests := map[string]wireTest{
		"none": {to(""), "400", 0, "", true},
		"two":  {to("Host: a\r\nHost: b\r\n"), "400", 0, "", true},
		"same": {to("Host: a\r\nHost: a\r\n"), "400", 0, "", true},
	}
	for _, host := range []string{"a/../b@c", "a\x00", "", "a,b", "a b", "a:b", "a:80:80", "[::1", "user@a", "a?b"} {
		tests["of "+host] = wireTest{to("Host: " + host + "\r\n"), "400", 0, "", true}
	}
	for _, host := range []string{"a:8080", "[::1]:80", "127.0.0.1", "login.example.com.", "a_b"} {
		tests["of "+host] = wireTest{to("Host: " + host + "\r\n"), "200 200", 2, "", false}
	}
	runWireTests(t, tests)
}

func TestA060Methods(t *testing.T) {
	tests := map[string]wireTest{
		"PRI":               {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "4..|505", 0, "", true},
		"OPTIONS *":         {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "400", 0, "", true},
		"OPTIONS of a host": {"OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n", "200 200", 2, "", false},
		"CONNECT":           {"CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n", "4..|501", 0, "", true},
		"CONNECT of a path": {"CONNECT /elsewhere HTTP/1.1\r\nHost: a\r\n\r\n", "4..|501", 0, "", true},
		"TRACE elsewhere":   {"TRACE /elsewhere HTTP/1.1\r\nHost: a\r\n\r\n", "4..|501", 0, "", true},
	}
	for _, method := range []string{"TRACE", "post", "CONNECT"} {
		tests[method+" at the endpoint"] = wireTest{strings.Replace(wireRequest, "POST", method, 1), "405 200", 1, "", false}
	}
	runWireTests(t, tests)
}

// TestA062TLS checks that TLS clients get HTTP/1.1, and nothing below TLS 1.2.
func TestA062TLS(t *testing.T) {
	files := certificateFiles(t, filepath.Join(t.TempDir(), "shown"), time.Now().Add(time.Hour))
	g := gatewayWithoutRequests(t, func(c *config.Config) { c.TLS = files })
	for _, test := range []struct {
		version   uint16
		protocols []string
		agreed    bool
	}{
		{tls.VersionTLS11, nil, false}, {tls.VersionTLS12, nil, true}, {tls.VersionTLS13, nil, true},
		{tls.VersionTLS13, []string{"h2"}, false}, {tls.VersionTLS13, []string{"h2", "http/1.1"}, true},
	} {
		c, err := tls.Dial("tcp", g.data, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: test.version, NextProtos: test.protocols})
		if (err == nil) != test.agreed {
			t.Errorf("%+v: %v", test, err)
		}
		if err != nil {
			continue
		}
		if got := c.ConnectionState().NegotiatedProtocol; got != "" && got != "http/1.1" {
			t.Errorf("%q was agreed on", got)
		}
		c.Close()
	}
}
