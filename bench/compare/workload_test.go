package main

import (
	"bytes"
	"strings"
	"testing"
)

// What the provider answers is good for who passes it on, and nothing else is: not
// an error, not Basic where somebody says that it is translated.
func TestJudge(t *testing.T) {
	passes := &contender{name: "passes", start: startGateway}
	restates := &contender{name: "restates", start: startGateway, translates: true}
	for _, w := range workloads {
		for _, c := range []*contender{direct, passes, restates} {
			head, body := answered(t, w.request(c, 0))
			wrong := c == restates && w.name == "token"
			if err := w.judge(c, head, body); (err != nil) != wrong {
				t.Errorf("%s, %s: %v", w.name, c.name, err)
			}
			if w.judge(c, []byte("HTTP/1.1 503 Service Unavailable\r\n"), body) == nil || w.judge(c, head, nil) == nil {
				t.Errorf("%s, %s: an error is taken for an answer", w.name, c.name)
			}
		}
	}
	head, body := answered(t, tokenRequest(direct, 7))
	if err := workloads[0].judge(restates, head, body); err != nil {
		t.Errorf("what was translated: %v", err)
	}
}

// answered is what the provider makes of a request.
func answered(t *testing.T, request []byte) (head, body []byte) {
	t.Helper()
	head, body, _ = bytes.Cut(request, []byte("\r\n\r\n"))
	head, body, _ = bytes.Cut(replyTo(head, body), []byte("\r\n\r\n"))
	return head, body
}

// Each client has a name of its own, or none would be a stranger.
func TestClientsDiffer(t *testing.T) {
	if bytes.Equal(tokenRequest(oauthgw, 1), tokenRequest(oauthgw, 2)) || !strings.Contains(string(tokenRequest(direct, 2)), "client_id=client-000002&") {
		t.Error("clients are the same")
	}
}
