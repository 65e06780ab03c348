package main

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
)

// proxyStock is a bare httputil.ReverseProxy as one writes it at first.
func proxyStock(address, provider string) error {
	return proxy(address, provider, nil)
}

// proxyRaised is the same with as many kept connections to the provider as there
// are clients.
func proxyRaised(address, provider string) error {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, 1024
	return proxy(address, provider, t)
}

func proxy(address, provider string, transport http.RoundTripper) error {
	target := &url.URL{Scheme: "http", Host: provider}
	return http.ListenAndServe(address, &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.SetXForwarded()
		},
		Transport: transport,
	})
}

// answerAtOnce is a net/http server that reads a request and answers it itself.
// The file holds its answer to who asks for metadata.
func answerAtOnce(address, file string) error {
	described, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	for pattern, reply := range map[string][]byte{
		"POST /oauth2/token":                          reply("200 OK", "application/json", `{"credentials":"unread",`+token),
		"GET /.well-known/oauth-authorization-server": described,
		"GET /oauth2/authorize":                       shown,
		"POST /oauth2/register":                       registered,
	} {
		h, err := always(reply)
		if err != nil {
			return err
		}
		mux.Handle(pattern, h)
	}
	return http.ListenAndServe(address, mux)
}

// always answers with one reply, its date apart.
func always(reply []byte) (http.Handler, error) {
	r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(reply)), nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Body.Close() }()
	body, err := io.ReadAll(r.Body)
	r.Header.Del("Date")
	return http.HandlerFunc(func(w http.ResponseWriter, asked *http.Request) {
		if _, err := io.ReadAll(asked.Body); err != nil {
			return
		}
		header := w.Header()
		for name, values := range r.Header {
			header[name] = values
		}
		w.WriteHeader(r.StatusCode)
		_, _ = w.Write(body)
	}), err
}
