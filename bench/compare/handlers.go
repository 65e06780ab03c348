package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httputil"
	"net/url"
	"runtime/debug"
	"strings"
)

// serve runs one of the contenders that are part of this program.
func serve(role, address, upstream string) error {
	switch role {
	case "provider":
		return serveProvider(address)
	case "reverseproxy":
		return http.ListenAndServe(address, newReverseProxy(upstream, http.DefaultTransport))
	case "tuned":
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, 1024
		return http.ListenAndServe(address, newReverseProxy(upstream, t))
	case "rewrite":
		debug.SetGCPercent(200) // the gcPercent of the gateway
		return http.ListenAndServe(address, newRewriter(upstream))
	case "floor":
		return serveFloor(address, upstream)
	}
	return fmt.Errorf("there is no role %q", role)
}

func newReverseProxy(provider string, transport http.RoundTripper) http.Handler {
	target := &url.URL{Scheme: "http", Host: provider}
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.SetXForwarded()
		},
		Transport: transport,
	}
}

// serveFloor reads requests and sends the responses of a gateway itself. A proxy on
// net/http cannot be faster.
func serveFloor(address, gateway string) error {
	c, err := dial(gateway)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	mux := http.NewServeMux()
	for _, w := range workloads {
		request := w.request(floor, 0)
		pattern, _, _ := strings.Cut(string(request), " HTTP/1.1\r\n")
		pattern, _, _ = strings.Cut(pattern, "?")
		head, body, err := c.roundTrip(request)
		if err != nil {
			return err
		}
		response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(append(head, "\r\n"...))), nil)
		if err != nil {
			return err
		}
		_ = response.Body.Close() // it is in body
		response.Header.Del("Date")
		body = bytes.Clone(body)
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				return
			}
			maps.Copy(w.Header(), response.Header)
			w.WriteHeader(response.StatusCode)
			_, _ = w.Write(body)
		})
	}
	return http.ListenAndServe(address, mux)
}
