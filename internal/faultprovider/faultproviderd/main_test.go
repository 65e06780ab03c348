package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// The counts at the end do not contain the codes.
func TestCounts(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stdout, writer := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"--rates=redirect-302=50", "--seed=1"}, writer, io.Discard)
		writer.Close()
	}()
	r := bufio.NewReader(stdout)
	line, err := r.ReadString('\n')
	address, found := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !found {
		t.Fatalf("printed %q (%v)", line, err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	for range 20 {
		form := url.Values{"client_id": {"a"}, "client_secret": {"b"}, "code": {"hidden"}}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/oauth2/tokens", strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	cancel()
	rest, err := io.ReadAll(r)
	if stopped := <-done; stopped != nil || err != nil {
		t.Fatal(stopped, err)
	}
	want := regexp.MustCompile(`^none +\d+\nredirect-302 +\d+\ncodes and refresh tokens +1\nrepeated +1\n$`)
	if !want.Match(rest) {
		t.Errorf("printed %q", rest)
	}
}

func TestList(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"--list"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`(?m)^redirect-307 +77 +request +responds with a 307 to another origin$`)
	if !want.Match(out.Bytes()) || strings.Count(out.String(), "\n") < 50 {
		t.Errorf("printed\n%s", &out)
	}
}

func TestInvalidArguments(t *testing.T) {
	for _, argument := range []string{"--nonsense", "--listen=256.0.0.1:0", "--rates=nonsense=1", "--rates=truncated"} {
		if err := run(t.Context(), []string{argument}, io.Discard, io.Discard); err == nil {
			t.Errorf("%s: no error", argument)
		}
	}
}
