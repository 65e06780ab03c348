package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/config"
)

// fetch gets a URL in a media type. Empty means any.
func fetch(t *testing.T, url, mediaType string) string {
	t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", mediaType)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", url, resp.Status, err)
	}
	return string(text)
}

// TestA097LogLinesAreOurs checks that a client writes no lines into the log, no escapes for a
// terminal, and no more than a field holds.
func TestA097LogLinesAreOurs(t *testing.T) {
	g := frontedGateway(t, startProvider(t, okJSON+"{}"), func(c *config.Config) { c.Log.Level = "debug" })
	const evil = "%0a%7b%22level%22:%22fatal%22%7d%1b%5b2J"
	requests := []string{
		"POST /t HTTP/1.1\nHost: a\nContent-Type: application/x-www-form-urlencoded\n\nclient_id=a" + evil,
		"POST /t HTTP/1.1\nHost: a\nContent-Type: application/x-www-form-urlencoded\n\nclient_id=a%e2%80%a8b%22",
		"POST /t HTTP/1.1\nHost: a\nContent-Type: application/x-www-form-urlencoded\n\nclient_id=" + strings.Repeat("%22", 1000),
		"POST /t HTTP/1.1\nHost: a\nAuthorization: Basic " + base64.StdEncoding.EncodeToString([]byte("a\n{}:b")) + "\nContent-Type: application/x-www-form-urlencoded\n\nx=y",
		"GET /elsewhere" + evil + strings.Repeat("x", 1000) + " HTTP/1.1\nHost: a\nUser-Agent: " + strings.Repeat("x", 10000),
		strings.Repeat("M", 1000) + " /elsewhere HTTP/1.1\nHost: a\nX-Request-Id: a\"{level}",
		"GET /elsewhere HTTP/1.1\nHost: a\nUser-Agent: " + strings.Repeat("x", 32<<10),
	}
	for _, r := range requests {
		_ = send(t, g.data, r)
	}
	exchanges := 0
	for line := range strings.Lines(g.stop()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Errorf("%v: %q", err, line)
		}
		if fields["msg"] == "request" {
			exchanges++
		}
		for name, value := range fields {
			if text, ok := value.(string); ok && len(text) > 256 || fields["level"] == "fatal" {
				t.Errorf("%s holds %d bytes: %q", name, len(text), line)
			}
		}
		if strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\x1b\u2028\n\r") {
			t.Errorf("not as text: %q", line)
		}
	}
	if exchanges != len(requests)-1 { // the last has too large a head to be one
		t.Errorf("%d lines for %d exchanges", exchanges, len(requests)-1)
	}
}

// TestA098SeriesAreOurs checks that the number of series does not depend on requests.
func TestA098SeriesAreOurs(t *testing.T) {
	g := frontedGateway(t, startProvider(t, okJSON+`{"issuer":"https://a"}`))
	some := func(i int) {
		for _, r := range []string{
			"POST /t HTTP/1.1\nHost: host%d\nContent-Type: application/x-www-form-urlencoded\n\nclient_id=client%[1]d&x%[1]d=y",
			"METHOD%d /t HTTP/1.1\nHost: a", "METHOD%d /path%[1]d?query=%[1]d HTTP/1.1\nHost: a",
			"GET /.well-known/oauth-authorization-server/%d HTTP/1.1\nHost: a",
		} {
			_ = send(t, g.data, fmt.Sprintf(r, i))
		}
	}
	series := func() (names []string) {
		for line := range strings.Lines(g.settledMetrics(t)) {
			if strings.HasPrefix(line, "oauthgw_") {
				names = append(names, line[:strings.LastIndex(line, " ")])
			}
		}
		return names
	}
	some(0)
	before := series()
	for i := range 50 {
		some(i + 1)
	}
	if after := series(); !slices.Equal(before, after) {
		t.Errorf("%d series became %d", len(before), len(after))
	}
}

// TestA099AdminIsElsewhere checks that the public listener has no paths for operators.
func TestA099AdminIsElsewhere(t *testing.T) {
	if host, _, _ := net.SplitHostPort(config.Default().Admin.Listen); !net.ParseIP(host).IsLoopback() {
		t.Errorf("the admin listener is at %s by default", host)
	}
	g := gatewayWithoutRequests(t, func(c *config.Config) { c.Passthrough = false })
	for _, path := range []string{"/", "/metrics", "/-/reload", "/-/healthy", "/-/ready", "/healthz", "/config", "/debug/pprof/", "//metrics", "/t/../metrics", "/%6detrics", "http://" + g.admin + "/metrics"} {
		for _, host := range []string{"a", g.admin, "localhost"} {
			for _, method := range []string{"GET", "POST"} {
				if answer := send(t, g.data, method+" "+path+" HTTP/1.1\nHost: "+host); !strings.HasPrefix(answer, "HTTP/1.1 404 ") {
					t.Errorf("%s %s of %s: got %s", method, path, host, answer)
				}
			}
		}
	}
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/config"} {
		if got := status(t, "http://"+g.admin+path); got != 404 {
			t.Errorf("%s of the admin listener answers %d", path, got)
		}
	}
}

// TestA102OpenFilesOfSecrets checks that a secret that others may read is logged.
func TestA102OpenFilesOfSecrets(t *testing.T) {
	for mode, warned := range map[os.FileMode]bool{0o600: false, 0o640: false, 0o644: true} {
		files := certificateFiles(t, filepath.Join(t.TempDir(), "shown"), time.Now().Add(time.Hour))
		if err := os.Chmod(files.KeyFile, mode); err != nil {
			t.Fatal(err)
		}
		p := startProgram(t, "http://127.0.0.1:1", fmt.Sprintf("endpoints: {token: /t}\ntls: {cert_file: %s, key_file: %s}\n", files.CertFile, files.KeyFile))
		p.stop()
		log, line := p.log.String(), fmt.Sprintf("%s holds a secret and is readable by all users of this host; its mode is %04o", files.KeyFile, mode)
		if strings.Contains(log, "is readable by all users") != warned || strings.Contains(log, line) != warned {
			t.Errorf("mode %04o: the log says %s", mode, log)
		}
	}
}
