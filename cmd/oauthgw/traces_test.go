package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestTraces checks that with a collector the log and an exemplar have the trace of each request,
// and that a trusted proxy's trace continues at the provider. Without a collector, a traceparent
// passes as it is. A client that is not trusted decides nothing.
func TestTraces(t *testing.T) {
	const id = "0af7651916cd43dd8448eb211c80319c"
	const parent = "00-" + id + "-b7ad6b7169203331-01"
	for name, test := range map[string]struct{ traced, trusted bool }{
		"traced": {true, true}, "not traced": {false, true}, "not trusted": {true, false},
	} {
		t.Run(name, func(t *testing.T) {
			var sent syncBuffer
			collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(&sent, r.Body) }))
			defer collector.Close()
			provider := startScriptedProvider(t)
			provider.answer(okJSON + `{"access_token":"x"}`)
			if test.traced {
				t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
			}
			config := "public_url: https://a\nendpoints: {token: /oauth2/tokens}\nclient_auth: {realm: example}\n"
			if test.trusted {
				config += "trusted_proxies: [127.0.0.1]\n"
			}
			p := startProgram(t, provider.url(), config)
			send(t, p.data, "POST /oauth2/tokens?state=canary HTTP/1.1\nHost: a\nAuthorization: Basic YXBwOmNhbmFyeQ==\nTraceparent: "+parent+
				"\nBaggage: user=canary\nContent-Type: application/x-www-form-urlencoded\n\ncode=canary")
			received := provider.received()
			continued, unchanged := strings.Contains(received, "\nTraceparent: 00-"+id), strings.Contains(received, "\nTraceparent: "+parent)
			if continued != test.trusted || unchanged == test.traced {
				t.Errorf("the provider received %s", received)
			}
			exposition := fetch(t, "http://"+p.admin+"/metrics", "application/openmetrics-text")
			p.stop()
			own := test.traced && test.trusted
			if exemplar := strings.Contains(exposition, `# {trace_id="`+id+`"}`); exemplar != own {
				t.Errorf("an exemplar: %v", exemplar)
			}
			if logged := strings.Contains(p.log.String(), `"trace_id":"`+id+`"`); logged != own {
				t.Errorf("in the log: %v\n%s", logged, p.log.String())
			}
			for _, word := range []string{"POST token", "oauthgw.outcome", "accepted", "client_secret_basic", "server.address", "service.version"} {
				if strings.Contains(sent.String(), word) != test.traced {
					t.Errorf("%s was sent: %v", word, !test.traced)
				}
			}
			if strings.Contains(sent.String()+p.log.String()+exposition, "canary") {
				t.Error("a secret was exported")
			}
		})
	}
}
