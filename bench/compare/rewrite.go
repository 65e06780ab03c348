package main

import (
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"

	"oauthgw/clientauth"
	"oauthgw/internal/submission"
)

// rewriteOnly is what would be left of the gateway if it did nothing but put
// credentials into the form: the same server, the same reading of credentials, the
// same way to the provider, and the same room for garbage. There is no router, no
// log, no count, no time limit, no look at the reply, and no ReverseProxy around it.
// Below that a gateway on net/http does not come.
func rewriteOnly(address, provider string) error {
	debug.SetGCPercent(200) // of some 3.5 MiB
	return http.ListenAndServe(address, &rewrite{
		transport: submission.New(submission.Config{Server: &url.URL{Scheme: "http", Host: provider}}),
		rules:     clientauth.New(clientauth.Config{}),
	})
}

type rewrite struct {
	transport http.RoundTripper
	rules     *clientauth.Rules
}

// ServeHTTP implements [http.Handler].
func (h *rewrite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h.restate(r); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	reply, err := h.transport.RoundTrip(r)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer func() { _ = reply.Body.Close() }()
	body := make([]byte, max(0, reply.ContentLength))
	if _, err := io.ReadFull(reply.Body, body); err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	_, _ = reply.Body.Read(nil) // its end
	header := w.Header()
	for name, values := range reply.Header {
		header[name] = values
	}
	w.WriteHeader(reply.StatusCode)
	_, _ = w.Write(body)
}

// restate puts the credentials of a request into its form, if it has one.
func (h *rewrite) restate(r *http.Request) error {
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
	query, err := clientauth.ParseForm(r.URL.RawQuery)
	if err != nil {
		return err
	}
	credentials, err := h.rules.Read(clientauth.Request{Header: r.Header, Query: query, Form: form})
	if err != nil {
		return err
	}
	text := form.WithCredentials(credentials.ClientID, credentials.Secret).Encode()
	r.Header.Del("Authorization")
	r.Header.Set("Content-Length", strconv.Itoa(len(text)))
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	return nil
}
