package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
)

// TestBrokenConfigurations checks that "check" reports a broken configuration, and that a
// reload reports the same and keeps the previous configuration. Tests in internal/config
// have what can be wrong.
func TestBrokenConfigurations(t *testing.T) {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	defer provider.Close()
	p := startProgram(t, provider.URL, "endpoints: {token: /t}\n")
	for text, want := range map[string]string{
		"":       ": is empty; a configuration holds at least upstream: {url: ORIGIN}, or a comment",
		"log: {": ":1: lacks a value, or has one that begins with a reserved character; quote it",
		"upstream: {url: https://a}\ntls: {cert_file: /dev/zero}": ":2: tls: needs both cert_file and key_file, or neither",
	} {
		if err := os.WriteFile(p.file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		want = p.file + want
		if _, _, err := invoke(t, "check", "--config.file="+p.file); errorText(err) != want {
			t.Errorf("got\n%v\nwant\n%s", err, want)
		}
		code, answer := p.reload()
		if code != 500 || answer != "config reload failed, keeping previous config:\n"+want+"\n" || !p.passthroughWorks() {
			t.Errorf("reload: got %d\n%s\nwant\n%s", code, answer, want)
		}
		p.write("")
		if code, answer := p.reload(); code != 200 {
			t.Fatalf("reload of the fixed file: got %d %s", code, answer)
		}
	}
}
