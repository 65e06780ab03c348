package main

import (
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/upstream"
)

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
