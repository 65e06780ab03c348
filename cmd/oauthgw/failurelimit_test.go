package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestReloadKeepsFailures checks that a reload does not reset the failure limit, unless it
// changes the limit itself.
func TestReloadKeepsFailures(t *testing.T) {
	provider := startProvider(t, "HTTP/1.1 401 Unauthorized\nContent-Type: application/json\n\n{\"error\":\"invalid_client\"}")
	p := startProgram(t, provider, "endpoints: {token: /t}\ntrusted_proxies: [127.0.0.1]\nclient_auth: {realm: a, failures: {burst: 1, interval: 1h}}\n")
	answers := func(when, want string) {
		t.Helper()
		if answer := send(t, p.data, strings.Replace(fmt.Sprintf(basicRequest, "/t"), "Host: a\n", "Host: a\nX-Forwarded-For: 192.0.2.1\n", 1)); !strings.HasPrefix(answer, "HTTP/1.1 "+want) {
			t.Errorf("%s: got %s", when, answer)
		}
	}
	reload := func() {
		t.Helper()
		if code, text := p.reload(); code != 200 {
			t.Fatal(text)
		}
	}
	answers("the first failure", "401 ")
	answers("the second", "429 ")
	p.write("passthrough: false\n")
	reload()
	answers("after a reload", "429 ")
	p.head = strings.Replace(p.head, "burst: 1", "burst: 0", 1)
	p.write("")
	reload()
	answers("without a limit", "401 ")
	answers("without a limit", "401 ")
}

// TestA148LimitWithoutEffect checks that check and the log warn if the failure limit has no
// effect because the proxy in front of the listener is not trusted.
func TestA148LimitWithoutEffect(t *testing.T) {
	for trusted, warned := range map[string]bool{"unix": true, "127.0.0.1": false} {
		p := startProgram(t, "http://127.0.0.1:1", "endpoints: {token: /t}\ntrusted_proxies: ["+trusted+"]\n")
		out, _, err := invoke(t, "check", "--offline", "--config.file="+p.file)
		if err != nil || strings.Contains(out, "\nwarning: client_auth.failures: has no effect") != warned || strings.Contains(out, "set trusted_proxies: [127.0.0.1]") != warned {
			t.Errorf("trusted_proxies %s: check returned %v and printed\n%s", trusted, err, out)
		}
		p.stop()
		log := p.log.String()
		if strings.Contains(log, `"warning":"client_auth.failures: has no effect`) != warned || strings.Contains(log, "set trusted_proxies: [127.0.0.1]") != warned {
			t.Errorf("trusted_proxies %s: the log is\n%s", trusted, log)
		}
	}
}
