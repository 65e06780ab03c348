package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
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
// The file holds the metadata that it serves.
func answerAtOnce(address, file string) error {
	document, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	answer := func(pattern string, status int, media string, text []byte) {
		length := strconv.Itoa(len(text))
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				return
			}
			w.Header().Set("Content-Type", media)
			w.Header().Set("Content-Length", length)
			w.WriteHeader(status)
			_, _ = w.Write(text)
		})
	}
	answer("POST /oauth2/token", http.StatusOK, "application/json", []byte(`{"credentials":"unread",`+token))
	answer("GET /.well-known/oauth-authorization-server", http.StatusOK, "application/json", document)
	answer("GET /oauth2/authorize", http.StatusOK, "text/html", []byte(page))
	_, registered, _ := bytes.Cut(registered, []byte("\r\n\r\n"))
	answer("POST /oauth2/register", http.StatusCreated, "application/json", registered)
	return http.ListenAndServe(address, mux)
}
