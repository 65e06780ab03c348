package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"oauthgw/internal/legacy"
)

// statusPage returns the text of the status page, without its tags.
func statusPage(t *testing.T, admin string) string {
	t.Helper()
	_, body, _ := strings.Cut(fetch(t, "http://"+admin+"/", ""), "<body>")
	body = tags.ReplaceAllString(strings.ReplaceAll(body, "<wbr>", ""), " ")
	return strings.Join(strings.Fields(body), " ")
}

var tags = regexp.MustCompile(`<[^>]*>`)

func expectText(t *testing.T, page string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(page, w) {
			t.Errorf("the page lacks %q:\n%s", w, page)
		}
	}
}

// TestStatusPage checks that the page shows the state of the program without a request to the
// provider and without a secret.
func TestStatusPage(t *testing.T) {
	var requests atomic.Int32
	var l *legacy.Provider
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { requests.Add(1); l.ServeHTTP(w, r) }))
	defer provider.Close()
	l = legacy.New(legacy.Config{PublicURL: provider.URL})
	p := startProgram(t, provider.URL, "public_url: "+provider.URL+"\nmetadata: {ttl: 1h}\n")
	eventually(t, "readiness", func() bool { return status(t, "http://"+p.admin+"/-/ready") == 200 })
	send(t, p.data, fmt.Sprintf(basicRequest, "/oauth2/tokens"))
	send(t, p.data, "POST /oauth2/tokens?client_secret=s3cret-two HTTP/1.1\nHost: a\nContent-Type: application/x-www-form-urlencoded\n\ncode=s3cret-three")
	before := requests.Load()

	page := statusPage(t, p.admin)
	expectText(t, page, "Requests Ready 3 endpoints", "Provider Reachable last response", "Configuration Active loaded", "Metadata OK",
		"Upstream "+provider.URL+" ", "Issuer "+provider.URL+" ", "token /oauth2/tokens Basic becomes post provider metadata",
		"token client_secret_basic 0 1 0 0 0 0 ", "token unknown 0 0 1 1 query_credentials 0 0 0 ",
		"unknown 400 query_credentials", "client_secret_basic 401 rejected by the provider",
		"token_endpoint_auth_methods_supported changed [&#34;client_secret_post&#34;] [&#34;client_secret_post&#34;,&#34;client_secret_basic&#34;] ")
	if strings.Index(page, "400 query_credentials") > strings.Index(page, "401 rejected") {
		t.Error("the refusals are not the latest first")
	}
	for _, secret := range []string{"s3cret-", "YXBwOnMzY3JldC1vbmU="} {
		if strings.Contains(page, secret) {
			t.Errorf("the page holds %s", secret)
		}
	}
	if requests.Load() != before {
		t.Error("the page caused a request to the provider")
	}

	p.write("passthru: 1\n")
	p.reload()
	expectText(t, statusPage(t, p.admin), "Configuration Reload failed", "Last load", "failed", "oauthgw.yaml:6: passthru: unknown key")
	p.write("endpoints: {token: /elsewhere, registration: /oauth2/register}\nregistration: {translate: false}\n")
	p.reload()
	page = statusPage(t, p.admin)
	expectText(t, page, "Configuration Active", "succeeded", "token /elsewhere Basic becomes post configuration", "registration /oauth2/register passed through configuration",
		"Metadata Problems 1 problem below", "endpoints.token is fronted at /elsewhere, but the metadata sends clients to &#34;/oauth2/tokens&#34;",
		"401 rejected by the provider")
	provider.Close()
	send(t, p.data, fmt.Sprintf(basicRequest, "/elsewhere"))
	expectText(t, statusPage(t, p.admin), "Provider Failing", "a request at the token endpoint failed with status 503; see the log")
}
