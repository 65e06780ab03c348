package main

import (
	"net/http"
	"strings"
	"testing"
)

// The provider, the log and a refusal have the same identifier, on every path, also where
// Connection names its field.
func TestRequestIDIsTheSameEverywhere(t *testing.T) {
	provider := startScriptedProvider(t)
	provider.answer("HTTP/1.1 200 OK\n\n")
	g := startConfiguredGateway(t, "", "http://"+provider.Addr().String())
	want := []string{"one"}
	for _, path := range []string{"/oauth2/tokens", "/elsewhere"} {
		send(t, g.data, "POST "+path+" HTTP/1.1\nHost: a\nConnection: close, X-Request-Id\nX-Request-Id: one\n"+
			"Content-Type: application/x-www-form-urlencoded\nContent-Length: 13\n\nclient_id=app")
		if got := provider.received(); !strings.Contains(got, "\nX-Request-Id: one\n") {
			t.Errorf("%s: the provider received %s", path, got)
		}
	}
	for _, path := range []string{"/oauth2/tokens", "/oauth2%2Ftokens"} {
		resp, err := http.Get("http://" + g.data + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		want = append(want, resp.Header.Get("X-Request-Id"))
	}
	log := g.stop()
	for _, id := range want {
		if !strings.Contains(log, `"request_id":"`+id+`"`) || id == "" {
			t.Errorf("the log lacks %q:\n%s", id, log)
		}
	}
}
