package main

import (
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oauthgw/internal/config"
)

// post makes a token request of the client app by HTTP Basic and returns the status.
func post(t *testing.T, address, secret, id string) int {
	t.Helper()
	r, err := http.NewRequest("POST", "http://"+address+"/oauth2/tokens", strings.NewReader("grant_type=client_credentials"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Request-Id", id)
	r.SetBasicAuth("app", secret)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// TestAudit checks that each client authentication leaves one record without a secret,
// also after a rotation, and that other paths leave none.
func TestAudit(t *testing.T) {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.PostFormValue("client_secret") != "right-canary" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":"invalid_client"}`)
			return
		}
		_, _ = io.WriteString(w, `{"access_token":"x"}`)
	}))
	defer provider.Close()
	file := filepath.Join(t.TempDir(), "audit.json")
	p := startProgram(t, provider.URL, "endpoints: {token: /oauth2/tokens}\nclient_auth: {realm: example}\n")
	post(t, p.data, "right-canary", "unrecorded")
	p.write("audit: {file: " + file + "}\n")
	p.reload()
	post(t, p.data, "right-canary", "first")
	if resp, err := http.Get("http://" + p.data + "/elsewhere"); err == nil {
		resp.Body.Close()
	}
	want := []map[string]any{
		{"msg": "client authentication", "endpoint": "token", "status": 200.0, "outcome": "accepted", "auth_method": "client_secret_basic",
			"client_id": "app", "basic_decoding": "plain", "client_ip": "127.0.0.1", "request_id": "first"},
		{"msg": "client authentication", "endpoint": "token", "status": 401.0, "outcome": "rejected", "auth_method": "client_secret_basic",
			"client_id": "app", "basic_decoding": "plain", "client_ip": "127.0.0.1", "request_id": "second"},
	}
	expectRecords(t, func() string { return contents(file) }, want[:1])
	if err := os.Rename(file, file+".1"); err != nil {
		t.Fatal(err)
	}
	post(t, p.data, "wrong-canary", "second")
	expectRecords(t, func() string { return contents(file) }, want[1:])
	if p.stdout.String() != "" {
		t.Errorf("standard output: %s", p.stdout.String())
	}
	p.write("audit: {file: \"-\"}\n")
	p.reload()
	post(t, p.data, "wrong-canary", "second")
	expectRecords(t, p.stdout.String, want[1:])
	p.stop()
	for place, text := range map[string]string{"file": contents(file) + contents(file+".1"), "stdout": p.stdout.String(), "log": p.log.String()} {
		if strings.Contains(text, "canary") {
			t.Errorf("%s holds a secret:\n%s", place, text)
		}
	}
}

func contents(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return string(text)
}

// expectRecords waits for records and compares them, except their time.
func expectRecords(t *testing.T, read func() string, want []map[string]any) {
	t.Helper()
	var got []map[string]any
	eventually(t, "the records", func() bool {
		got = nil
		for line := range strings.Lines(read()) {
			var record map[string]any
			if err := json.Unmarshal([]byte(line), &record); err != nil {
				return false // it is being written
			}
			delete(record, "time")
			got = append(got, record)
		}
		return len(got) >= len(want)
	})
	if !slices.EqualFunc(got, want, func(a, b map[string]any) bool { return maps.Equal(a, b) }) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// TestA186AuditFileThatKeepsNothing checks that "check" and the program warn of an audit
// file that keeps no records, and that a name that cannot be written to is an error.
func TestA186AuditFileThatKeepsNothing(t *testing.T) {
	dir := t.TempDir()
	file, link, socket := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "socket")
	if err := os.Symlink(os.DevNull, link); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, warned := range map[string]bool{file: false, "-": false, os.DevNull: true, link: true} {
		named := configFile(t, "endpoints: {token: /t}\naudit: {file: "+name+"}\n")
		out, _, err := invoke(t, "check", "--config.file="+named)
		want := "warning: audit.file: " + name + " is neither a regular file nor a pipe, so records may be lost; "
		if strings.Contains(out, want) != warned || strings.Contains(out, "warning: audit.file") != warned || err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		var log syncBuffer
		s := testSettings(t, "http://127.0.0.1:1", func(c *config.Config) { c.Audit.File = name })
		testTelemetry(&log, s).applySettings(s)
		if strings.Contains(log.String(), `records may be lost","file":"`+name) != warned {
			t.Errorf("%s: the log is %s", name, log.String())
		}
	}
	for name, reason := range map[string]string{dir: "is a directory", socket: "no such device or address"} {
		_, _, err := invoke(t, "check", "--config.file="+configFile(t, "audit: {file: "+name+"}\n"))
		if got := errorText(err); !strings.Contains(got, "audit.file: "+name+" cannot be written: open "+name+": "+reason) {
			t.Errorf("got %q", got)
		}
	}
}
