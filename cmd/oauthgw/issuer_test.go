package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

const issuerMetadata = `{"issuer":"` + loginIssuer + `","token_endpoint":"` + loginIssuer + `/oauth2/tokens"}`

// issuerClients need the issuer of the provider.
var issuerClients = strings.ReplaceAll("client_auth: {realm: a}\nlog: {level: debug}\n"+assertingClients, `audience: "`+loginIssuer+`", `, "")

// TestCA17UnknownIssuer checks that an assertion gets 503 while the provider is down, and is not used up.
func TestCA17UnknownIssuer(t *testing.T) {
	t.Parallel()
	var up atomic.Bool
	provider := startPagesProvider(t, func(w http.ResponseWriter, _ *http.Request) {
		if !up.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, issuerMetadata)
	})
	g := startGateway(t, fileSettings(t, provider, issuerClients))
	own, workload := tokenPost(t, ownForm(loginIssuer, "jti-early")), tokenPost(t, workloadForm)
	for _, request := range []string{own, workload} {
		if response := g.expectStatus(t, "503", request); !strings.Contains(response, "Retry-After: ") || !strings.Contains(response, `"temporarily_unavailable"`) {
			t.Errorf("got %s", response)
		}
	}
	up.Store(true)
	eventually(t, "the issuer", func() bool { return strings.HasPrefix(send(t, g.data, workload), "HTTP/1.1 200 ") })
	g.expectStatus(t, "200", own)
	if !strings.Contains(g.stop(), `"outcome":"issuer_unknown"`) {
		t.Error("the log lacks the outcome")
	}
}

// TestCA17WaitsForTheIssuer checks that an assertion waits for a fetch of the metadata that is in flight.
func TestCA17WaitsForTheIssuer(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}, 100), make(chan struct{})
	provider := startPagesProvider(t, func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-answer
		_, _ = io.WriteString(w, issuerMetadata)
	})
	g := startGateway(t, fileSettings(t, provider, issuerClients))
	<-asked
	done := make(chan string)
	go func() { done <- send(t, g.data, tokenPost(t, workloadForm)) }()
	eventually(t, "a request in flight", func() bool { return inFlight.MatchString(g.scrape(t)) })
	close(answer)
	if response := <-done; !strings.HasPrefix(response, "HTTP/1.1 200 ") {
		t.Errorf("got %s", response)
	}
}

// TestCA16IssuerOfTheMetadata checks that an assertion must name the issuer that the metadata of the
// gateway shows, and that no other name of the provider or the gateway is accepted.
func TestCA16IssuerOfTheMetadata(t *testing.T) {
	t.Parallel()
	provider := startPagesProvider(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, issuerMetadata) })
	for name, config := range map[string]string{
		"preserved": "", "rewritten": "public_url: https://gateway.example\nmetadata: {issuer: rewrite}\n",
		"with another port": "public_url: https://gateway.example:8443\nmetadata: {issuer: rewrite}\n",
	} {
		g := startGateway(t, fileSettings(t, provider, issuerClients, config))
		_, document, _ := strings.Cut(g.expectStatus(t, "200", "GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: gateway.example"), "\n\n")
		var metadata struct{ Issuer string }
		if err := json.Unmarshal([]byte(document), &metadata); err != nil {
			t.Fatalf("%s: %v %s", name, err, document)
		}
		for _, audience := range []string{loginIssuer, "https://gateway.example", "https://gateway.example:8443", provider, loginIssuer + "/oauth2/tokens", metadata.Issuer + "/"} {
			want := "400"
			if audience == metadata.Issuer {
				want = "200"
			}
			g.expectStatus(t, want, tokenPost(t, ownForm(audience, "jti-"+name+audience)))
		}
	}
}
