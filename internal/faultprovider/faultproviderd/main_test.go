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

// TestCounts checks that the counts at the end do not contain the codes.
func TestCounts(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stdout, writer := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"--rates=redirect-302=100"}, writer, io.Discard)
		writer.Close()
	}()
	r := bufio.NewReader(stdout)
	line, err := r.ReadString('\n')
	address, found := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !found {
		t.Fatalf("printed %q (%v)", line, err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.PostForm(address+"/oauth2/tokens", url.Values{"code": {"hidden"}})
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	cancel()
	rest, err := io.ReadAll(r)
	if stopped := <-done; stopped != nil || err != nil {
		t.Fatal(stopped, err)
	}
	if want := regexp.MustCompile(`^redirect-302 +1\ncodes and refresh tokens +1\nrepeated +0\n$`); !want.Match(rest) {
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
