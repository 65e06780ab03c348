package main

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
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

// lentSecret returns a secret of 32 random characters, which has those that encoders escape, and its
// file.
func lentSecret(t *testing.T) (secret, file string) {
	t.Helper()
	secret = `+/%&="\<;:` + rand.Text()[:22]
	file = filepath.Join(t.TempDir(), "secret")
	writeFile(t, file, secret+"\n")
	return secret, file
}

// echoes returns responses of a provider that repeat a secret, or break while they do.
func echoes(secret string) (messages []string) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write([]byte(secret)) // into memory
	w.Close()
	escaped, pair := url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte("agents:"+url.QueryEscape(secret)))
	for _, text := range []string{inJSON(secret, true), inJSON(secret, false), escaped, url.PathEscape(secret), pair, strings.TrimRight(base64.URLEncoding.EncodeToString([]byte(secret)), "="), "client_secret=" + escaped} {
		for _, status := range []string{"200", "400", "401", "500"} {
			messages = append(messages, "HTTP/1.1 "+status+" x\nContent-Type: application/json\n\n"+`{"error":"invalid_client","access_token":"x","error_description":"`+text+`"}`)
		}
	}
	return append(messages,
		"HTTP/1.1 302 Found\nLocation: https://a/?"+escaped, "HTTP/1.1 200 OK\nX-Debug: "+secret, "HTTP/1.1 401 "+secret+"\nWww-Authenticate: Basic realm="+escaped,
		"HTTP/1.1 200 OK\nContent-Type: text/html\n\n<pre>"+escaped, "HTTP/1.1 200 OK\nContent-Encoding: gzip\n\n"+packed.String(), "HTTP/1.1 200 OK\nContent-Encoding: br\n\n"+secret,
		"HTTP/1.1 200 OK\nContent-Length: 1000\n\n"+secret, "HTTP/1.1 200 OK\n\n"+secret+strings.Repeat("x", 1<<20), secret, "HTTP/1.1 "+secret, "HTTP/1.1 200 OK\n"+secret+"\n\n",
		"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTrailer: X-Debug\n\n2;x="+escaped+"\n{}\n0\nX-Debug: "+escaped, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n"+secret,
		"HTTP/1.1 103 Early Hints\nContent-Length: 0\nLink: "+escaped, "HTTP/1.1 101 Switching Protocols\nUpgrade: "+escaped, "HTTP/1.1 600 x\n\n"+secret)
}

// commandOutput returns the output of the commands that read the configuration, or ask a provider.
func commandOutput(t *testing.T, provider, section string) map[string]string {
	t.Helper()
	file, output := filepath.Join(t.TempDir(), "oauthgw.yaml"), map[string]string{}
	writeFile(t, file, "upstream: {url: "+provider+"}\n"+strings.Replace(section, "endpoints: {", "endpoints: {token: /oauth2/tokens, ", 1))
	requests, signed := append(lentTo[:2:2], lentTo[len(lentTo)-1]), placeholders{}
	for i, words := range []string{"explain", "explain", "explain", "check", "check --offline --format=json"} {
		out, diagnostics, err := invokeWith(t, strings.ReplaceAll(signed.sign(t, requests[i%3]), "\n", "\r\n"), append(strings.Fields(words), "--config.file="+file)...)
		output[fmt.Sprintf("%s, %d", words, i)] = fmt.Sprint(out, diagnostics, err)
	}
	expectNoSecrets(t, "an assertion", output, signed.secrets())
	out, diagnostics, err := invokeWith(t, "", "doctor", provider)
	output["doctor"] = fmt.Sprint(out, diagnostics, err)
	return output
}

// TestH11LentSecretIsNowhere checks that a secret that the gateway lends reaches the provider, and in
// no encoding a client, the log at its most verbose level, the audit log, the metrics, the traces,
// the status page, or the output of commands, whatever the provider does with it.
func TestH11LentSecretIsNowhere(t *testing.T) {
	secret, file := lentSecret(t)
	forms := []string{secret, url.QueryEscape(secret)} // a Basic pair has the second
	const client = "public: true, redirect_uris: ['http://127.0.0.1/callback'], secret_file: "
	section := "endpoints: {authorization: /authorize, pushed_authorization_request: /par, introspection: /introspect}\nclients:\n" +
		"  pay: {secret_file: " + file + ", assertions: [" + workloadEntry + "]}\n" +
		"  agents: {register: true, aliases: ['https://agent.example/client.json'], " + client + file + "}\n  basic: {provider_auth: client_secret_basic, " + client + file + "}\n"
	var answer, received atomic.Value
	answer.Store("")
	provider := startRawProvider(t, func(p rawPeer, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		received.Store(fmt.Sprint(r.URL, r.Header, string(body)))
		_, _ = p.Write(wire(strings.Replace(answer.Load().(string), "\n", "\nConnection: close\n", 1)))
	})
	g, stop := startWatched(t, provider, "json", section)
	for _, message := range echoes(secret) {
		answer.Store(message)
		for _, request := range lentTo {
			response := send(t, g.data, placeholders{}.sign(t, request))
			expectNoSecrets(t, fmt.Sprintf("%.40q after %.80q", request, message), map[string]string{"response": response}, forms)
			if got := received.Swap("").(string); !containsSecret(got, forms[0]) && !containsSecret(got, forms[1]) {
				t.Fatalf("%q: the provider did not get the secret", request)
			}
		}
	}
	answer.Store(okJSON + "{}")
	output := commandOutput(t, provider, section)
	for _, request := range unlentTo {
		output["response to "+request] = send(t, g.data, request)
		output["request to the provider of "+request] = received.Swap("").(string)
	}
	maps.Copy(output, stop())
	expectNoSecrets(t, "output", output, forms)
	for place, proof := range map[string]string{"log": file, "metrics": `reason="secret_repeated"`, "audit": `"client":"agents"`, "status page": "agents", "check --offline --format=json, 4": `"valid": true`,
		"explain, 0": "client_secret=[redacted]", "explain, 1": "Basic [redacted]", "explain, 2": "key       cluster-ec"} {
		if !strings.Contains(output[place], proof) {
			t.Errorf("%s is not in the %s:\n%s", proof, place, output[place])
		}
	}
}
