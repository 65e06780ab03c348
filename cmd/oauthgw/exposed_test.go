package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// exposedSeries are the labels of the series that gateways expose, by name.
type exposedSeries map[string][]map[string]string

var (
	sampleLine = regexp.MustCompile(`(?m)^(\w+)(?:\{(.*)\})? \S+$`)
	labelPair  = regexp.MustCompile(`(\w+)="([^"]*)"`)
)

func (e exposedSeries) add(exposition string) {
	for _, m := range sampleLine.FindAllStringSubmatch(exposition, -1) {
		labels := map[string]string{}
		for _, pair := range labelPair.FindAllStringSubmatch(m[2], -1) {
			labels[pair[1]] = pair[2]
		}
		e[m[1]] = append(e[m[1]], labels)
	}
}

// badDays is what a provider does when it is asked, by name.
var badDays = map[string]http.HandlerFunc{
	"": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"access_token":"x"}`) },
	"rejects": func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(400)
		_, _ = io.WriteString(w, `{"error":"invalid_client"}`)
	},
	"mumbles":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<token/>") },
	"fails":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
	"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
	"compress": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, "x")
	},
	"flood": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2<<20)) },
	"break": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"hang":  func(_ http.ResponseWriter, r *http.Request) { _, _ = io.ReadAll(r.Body); <-r.Context().Done() },
	"metadata": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"issuer":"https://a","token_endpoint":"https://a/t"}`)
	},
}

// afterBadDays returns what gateways expose after everything has happened to
// them that an alert or a panel asks for.
func afterBadDays(t *testing.T) exposedSeries {
	var day atomic.Value
	day.Store("")
	arrived := make(chan struct{}, 100)
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		badDays[day.Load().(string)](w, r)
	}))
	defer provider.Close()
	exposed := exposedSeries{}
	start := func(upstream string, change ...func(*config)) storyGateway {
		return startGateway(t, learning(t, upstream, append([]func(*config){func(c *config) {
			c.Endpoints = map[string]string{"token": "/t", "registration": "/r"}
			c.ClientAuth.Realm, c.ClientAuth.Conflict, c.Upstream.Issuer = "a", "report", "https://a"
		}}, change...)...))
	}
	token := func(g storyGateway, authorization, form string) {
		send(t, g.data, fmt.Sprintf("POST /t HTTP/1.1\nHost: a\nAuthorization: %s\nContent-Type: application/x-www-form-urlencoded\n\n%s", authorization, form))
	}
	const plain, ambiguous = "Basic YXBwOnMzY3JldC1vbmU=", "Basic YTphK2I="
	const metadataRequest = "GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: a"

	g := start(provider.URL)
	for _, kind := range []string{"", "rejects", "mumbles", "fails", "redirect", "compress", "flood", "break"} {
		day.Store(kind)
		token(g, plain, "a=b")
	}
	day.Store("rejects")
	token(g, ambiguous, "a=b")
	token(g, plain, "client_id=other")
	token(g, "Basic !", "a=b")
	send(t, g.data, "POST /r HTTP/1.1\nHost: a\nContent-Type: application/json\n\n{}")
	send(t, g.data, "GET /page HTTP/1.1\nHost: a")
	send(t, g.data, "GET /%2ft HTTP/1.1\nHost: a")
	day.Store("fails")
	send(t, g.data, metadataRequest)
	day.Store("hang")
	for len(arrived) > 0 {
		<-arrived
	}
	leave(t, "http://"+g.data+"/t", arrived)
	eventually(t, "a canceled exchange", func() bool { return strings.Contains(g.scrape(t), `outcome="canceled"`) })
	exposed.add(g.settled(t))

	hurried := start(provider.URL, func(c *config) { c.Upstream.Timeout = 20 * time.Millisecond })
	token(hurried, plain, "a=b")
	exposed.add(hurried.settled(t))

	day.Store("rejects")
	strict := start(provider.URL, func(c *config) { c.TrustedProxies, c.ClientAuth.Failures.Burst = []string{"127.0.0.1"}, 1 })
	for range 2 {
		token(strict, plain+"\nX-Forwarded-For: 192.0.2.1", "a=b")
	}
	exposed.add(strict.scrape(t))

	day.Store("metadata")
	shown := certificateFiles(t, t.TempDir()+"/shown", time.Now().Add(time.Hour))
	forgetful := start(provider.URL, func(c *config) {
		c.Metadata.TTL, c.Upstream.CertFile, c.Upstream.KeyFile = time.Millisecond, shown.CertFile, shown.KeyFile
	})
	send(t, forgetful.data, metadataRequest)
	day.Store("fails")
	eventually(t, "stale metadata", func() bool {
		send(t, forgetful.data, metadataRequest)
		return strings.Contains(forgetful.scrape(t), `result="stale"`)
	})
	exposed.add(forgetful.settled(t))

	for _, upstream := range []string{strings.Replace(provider.URL, "http:", "https:", 1), "http://127.0.0.1:1"} {
		distant := start(upstream)
		token(distant, plain, "a=b")
		exposed.add(distant.settled(t))
	}
	return exposed
}

// leave sends a request and goes away once the provider has it.
func leave(t *testing.T, url string, arrived <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("a=b"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if resp, err := http.DefaultClient.Do(r); err == nil {
		resp.Body.Close()
		t.Errorf("answered %s", resp.Status)
	}
}

func (e exposedSeries) has(name, label, value string) bool {
	whole := regexp.MustCompile("^(?:" + value + ")$")
	return slices.ContainsFunc(e[name], func(l map[string]string) bool {
		got, ok := l[label]
		return ok && whole.MatchString(got)
	})
}
