package faultprovider_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"oauthgw/internal/faultprovider"
)

// pipes is a listener whose connections are in memory, so that their time is the
// test's.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Net: "unix", Name: "pipe"} }

// heard is an octet that arrived, or more, and when.
type heard struct {
	text []byte
	at   time.Duration
}

// listen sends a request over a pipe and notes what comes, and when the end.
func listen(t *testing.T, name string) (came []heard, ended time.Duration) {
	t.Helper()
	l := make(pipes)
	p := startOn(t, l, faultprovider.Config{Interval: time.Second, MaxDuration: 10 * time.Minute})
	defer p.Close()
	ours, theirs := net.Pipe()
	l <- theirs
	request := tokenRequest("x", faultprovider.Header+": "+name, "Connection: close")
	if name == "metadata-slow" {
		request = documentRequest(faultprovider.Header+": "+name, "Connection: close")
	}
	began := time.Now()
	if _, err := io.WriteString(ours, request); err != nil {
		t.Fatal(err)
	}
	chunk := make([]byte, 4096)
	for {
		n, err := ours.Read(chunk)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			return came, time.Since(began)
		}
		came = append(came, heard{bytes.Clone(chunk[:n]), time.Since(began)})
	}
}

// whatIsSlow says what comes octet by octet, a second apart, and whether it
// ends by itself or with patience.
var whatIsSlow = map[string]struct{ head, body, ends bool }{
	"silence":       {},
	"half-close":    {},
	"stalled-body":  {},
	"slow-header":   {head: true, ends: true},
	"slow-body":     {body: true, ends: true},
	"metadata-slow": {body: true, ends: true},
}

// What is slow is as slow as told, and what never ends does so with patience.
func TestSlow(t *testing.T) {
	for name, want := range whatIsSlow {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				came, ended := listen(t, name)
				var text []byte
				slow := 0 // octets that came alone and a second after the one before
				for i, h := range came {
					text = append(text, h.text...)
					if i > 0 && len(h.text) == 1 && h.at == came[i-1].at+time.Second {
						slow++
					}
				}
				head, body, _ := bytes.Cut(text, []byte("\r\n\r\n"))
				switch {
				case want.head && slow != len(head)+4-1, want.body && slow != len(body)-1:
					t.Errorf("%d of %d + %d octets came slowly", slow, len(head), len(body))
				case !want.head && !want.body && slow != 0:
					t.Errorf("%d octets came slowly", slow)
				}
				if patient := ended == 10*time.Minute; patient == want.ends {
					t.Errorf("ended after %v: %q", ended, text)
				}
				if half := len(body) == wireSize/2; half != (name == "stalled-body") {
					t.Errorf("got a body of %d octets", len(body))
				}
				if silent := len(text) == 0; silent != (name == "silence" || name == "half-close") {
					t.Errorf("got %q", text)
				}
			})
		})
	}
}
