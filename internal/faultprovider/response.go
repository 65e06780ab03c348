package faultprovider

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

const (
	typeJSON = "Content-Type: application/json"
	typeHTML = "Content-Type: text/html; charset=utf-8"
)

// response is a response that a fault may change. It implements [http.ResponseWriter].
type response struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (r *response) Header() http.Header            { return r.header }
func (r *response) WriteHeader(status int)         { r.status = status }
func (r *response) Write(text []byte) (int, error) { return r.body.Write(text) }

// normal returns the response without a fault.
func (c *connection) normal() *response {
	r := &response{status: http.StatusOK, header: http.Header{}}
	c.request.Body = io.NopCloser(bytes.NewReader(c.body))
	if c.request.URL.Path == TokenPath && c.request.Method == http.MethodPost {
		c.provider.serveToken(r, c.request)
	} else {
		c.provider.legacy.ServeHTTP(r, c.request)
	}
	return r
}

// metadata returns the metadata without a fault.
func (c *connection) metadata() map[string]any {
	document := map[string]any{}
	_ = json.Unmarshal(c.normal().body.Bytes(), &document)
	return document
}

// respond writes a response with correct framing.
func (c *connection) respond(r *response) {
	c.write(r.head())
	if c.request.Method != http.MethodHead {
		c.write(r.body.String())
	}
}

// head returns the head of a response with its length.
func (r *response) head() string { return r.headWith(r.length()) }

func (r *response) length() string { return fmt.Sprintf("Content-Length: %d", r.body.Len()) }

// headWith returns the head of a response with further fields.
func (r *response) headWith(fields ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", r.status, http.StatusText(r.status))
	for _, name := range slices.Sorted(maps.Keys(r.header)) {
		for _, value := range r.header[name] {
			fmt.Fprintf(&b, "%s: %s\r\n", name, value)
		}
	}
	for _, field := range fields {
		b.WriteString(field + "\r\n")
	}
	return b.String() + "\r\n"
}

// half returns the first half of the body. Of a token response it ends in or after the access
// token.
func (r *response) half() string { return r.body.String()[:r.body.Len()/2] }

// message returns a response with correct framing.
func message(status, body string, fields ...string) string {
	fields = append(fields, fmt.Sprintf("Content-Length: %d", len(body)))
	return "HTTP/1.1 " + status + "\r\n" + strings.Join(fields, "\r\n") + "\r\n\r\n" + body
}

// send returns a fault that writes a text.
func send(text string) func(*connection) {
	return func(c *connection) { c.write(text) }
}

// with returns a fault that gets the normal response.
func with(run func(*connection, *response)) func(*connection) {
	return func(c *connection) { run(c, c.normal()) }
}
