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
	"strconv"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/upstream"
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

// newRewriter returns what remains of the gateway if it only moves credentials into the
// form: the same server, credential reader and transport, without router, log, metrics,
// timeouts, checks of the response and ReverseProxy. A gateway on net/http cannot be
// faster.
func newRewriter(provider string) http.HandlerFunc {
	transport := upstream.New(upstream.Config{Server: &url.URL{Scheme: "http", Host: provider}})
	rules := clientauth.New(clientauth.Config{})
	return func(w http.ResponseWriter, r *http.Request) {
		if err := rewrite(rules, r); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		response, err := transport.RoundTrip(r)
		var body []byte
		if err == nil {
			defer func() { _ = response.Body.Close() }()
			body, err = io.ReadAll(response.Body)
		}
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		maps.Copy(w.Header(), response.Header)
		w.WriteHeader(response.StatusCode)
		_, _ = w.Write(body) // with the header in one write, unlike io.Copy
	}
}

// rewrite moves the credentials of a request into its form, if it has one.
func rewrite(rules *clientauth.Rules, r *http.Request) error {
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		return nil
	}
	body := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, body); err != nil {
		return err
	}
	form, err := clientauth.ParseForm(string(body))
	if err != nil {
		return err
	}
	credentials, err := rules.Read(clientauth.Request{Header: r.Header, Form: form})
	if err != nil {
		return err
	}
	text := form.WithCredentials(credentials.ClientID, credentials.Secret).Encode()
	r.Header.Del("Authorization")
	r.Header.Set("Content-Length", strconv.Itoa(len(text)))
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	return nil
}
