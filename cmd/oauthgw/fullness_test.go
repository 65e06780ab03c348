package main

import (
	"bufio"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A gateway whose connections are all taken says so in its metrics and once in its log.
func TestA128FullnessIsVisible(t *testing.T) {
	p := newStreamProvider(t)
	g := frontedGateway(t, p.URL, fewConnections(2))
	if text := g.scrape(t); !strings.Contains(text, "oauthgw_connections_open 0\n") || !strings.Contains(text, "oauthgw_connections_max 2\n") {
		t.Errorf("at first:\n%s", text)
	}
	stream := hold(t, g.data, "GET /events HTTP/1.1\nHost: a\n\n")
	if head, err := bufio.NewReader(stream).ReadString('\n'); err != nil {
		t.Fatal(head, err)
	}
	hold(t, g.data, "")
	eventually(t, "the gauge", func() bool { return strings.Contains(g.scrape(t), "oauthgw_connections_open 2\n") })
	for range 3 {
		if response := send(t, g.data, "GET /events HTTP/1.1\nHost: a"); !strings.HasPrefix(response, tooManyStreams) {
			t.Errorf("got %q", response)
		}
	}
	stream.Close()
	eventually(t, "the end", func() bool { return strings.Contains(g.scrape(t), "oauthgw_connections_open 0\n") })
	log := g.stop()
	for _, line := range []string{
		`"level":"WARN","msg":"connection limit reached","limit":"max_connections","max_connections":2,"passthrough":1,"suppressed":0}`,
		`"level":"WARN","msg":"connection limit reached","limit":"streams","max_connections":2,"passthrough":1,"suppressed":0}`,
	} {
		if strings.Count(log, line) != 1 {
			t.Errorf("the log lacks %s, or has it more than once:\n%s", line, log)
		}
	}
}

// A limited log line says how many others were suppressed since the last one.
func TestA128LogLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &logLimit{every: time.Minute}
		if suppressed, ok := l.allow(); suppressed != 0 || !ok {
			t.Errorf("the first: %d, %v", suppressed, ok)
		}
		for range 3 {
			if _, ok := l.allow(); ok {
				t.Error("another within the minute")
			}
		}
		time.Sleep(time.Minute)
		for _, want := range []struct {
			suppressed int
			ok         bool
		}{{3, true}, {0, false}} {
			if suppressed, ok := l.allow(); suppressed != want.suppressed || ok != want.ok {
				t.Errorf("a minute later: %d, %v", suppressed, ok)
			}
		}
	})
}
