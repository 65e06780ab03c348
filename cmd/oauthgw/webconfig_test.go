package main

import (
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	webPassword = "s3cret-password"
	webHash     = "$2a$04$k2yrTVdNKfc3EBApUONToOp5Wij8SIM.RD.E1wCz/6yGQynMjPE/S"
)

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestAdminListenerIsGuarded checks that with a web configuration every path of the admin
// listener requires TLS and a password, and that changes of the file take effect.
func TestAdminListenerIsGuarded(t *testing.T) {
	directory := t.TempDir()
	certificateFiles(t, filepath.Join(directory, "shown"), time.Now().Add(time.Hour))
	file := filepath.Join(directory, "web.yml")
	const encrypted = "tls_server_config: {cert_file: shown.crt, key_file: shown.key}\n"
	writeFile(t, file, encrypted+"basic_auth_users: {prometheus: "+webHash+"}\n")
	p := startProgram(t, "http://127.0.0.1:1", "admin: {listen: 127.0.0.1:0, web_config_file: "+file+"}\n")
	// The exporter toolkit writes this message to the gateway's log.
	eventually(t, "serving by the web configuration", func() bool { return strings.Contains(p.log.String(), `"msg":"TLS is `) })
	expect := func(method, url, password string, want int) {
		t.Helper()
		if got := ask(t, method, url, password); got != want {
			t.Errorf("%s with password %q answered %d, want %d", url, password, got, want)
		}
	}
	for method, path := range map[string]string{"GET": "/-/healthy", "POST": "/-/reload"} {
		for password, want := range map[string]int{"": 401, "another": 401, webPassword: 200} {
			expect(method, "https://"+p.admin+path, password, want)
		}
	}
	expect("GET", "http://"+p.admin+"/metrics", webPassword, 400)
	writeFile(t, file, encrypted)
	expect("GET", "https://"+p.admin+"/metrics", "", 200)
	// Removing web_config_file requires a restart.
	p.head = strings.Replace(p.head, ", web_config_file: "+file, "", 1)
	p.write("")
	expect("POST", "https://"+p.admin+"/-/reload", "", 200)
	eventually(t, "the log line about the restart", func() bool { return strings.Contains(p.log.String(), `"key":"admin.web_config_file"`) })
}

// TestBrokenWebConfigRejectsEveryRequest checks that with a broken file every request is
// rejected, and that the error is logged without values from the file.
func TestBrokenWebConfigRejectsEveryRequest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "web.yml")
	writeFile(t, file, "basic_auth_users: {prometheus: "+webHash+"}\n")
	p := startProgram(t, "http://127.0.0.1:1", "admin: {listen: 127.0.0.1:0, web_config_file: "+file+"}\n")
	writeFile(t, file, "basic_auth_users: s3cret\n")
	if got := ask(t, "GET", "http://"+p.admin+"/metrics", webPassword); got != 500 {
		t.Errorf("got %d", got)
	}
	eventually(t, "the log line about the broken file", func() bool { return strings.Contains(p.log.String(), `"err":"yaml: unmarshal errors: line 1: cannot`) })
	if log := p.log.String(); strings.Contains(log, "s3cret") {
		t.Errorf("the log is:\n%s", log)
	}
}

// ask sends a request to an admin listener and returns the response status.
func ask(t *testing.T, method, url, password string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if password != "" {
		r.SetBasicAuth("prometheus", password)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}
