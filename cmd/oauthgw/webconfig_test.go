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

// startGuarded runs a program whose admin listener has a web configuration.
func startGuarded(t *testing.T, file, text string) *testProgram {
	t.Helper()
	writeFile(t, file, text)
	p := startProgram(t, "http://127.0.0.1:1", "admin: {listen: 127.0.0.1:0, web_config_file: "+file+"}\n")
	// In the toolkit's words, which go to our log.
	eventually(t, "serving by the web configuration", func() bool { return strings.Contains(p.log.String(), `"msg":"TLS is `) })
	return p
}

func writeFile(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// With a web configuration every path of the admin listener wants TLS and a
// password, and follows the file by itself.
func TestAdminListenerIsGuarded(t *testing.T) {
	directory := t.TempDir()
	certificateFiles(t, filepath.Join(directory, "shown"), time.Now().Add(time.Hour))
	file := filepath.Join(directory, "web.yml")
	const encrypted = "tls_server_config: {cert_file: shown.crt, key_file: shown.key}\n"
	p := startGuarded(t, file, encrypted+"basic_auth_users: {prometheus: "+webHash+"}\n")
	for _, test := range []struct{ method, path string }{
		{"GET", "/metrics"}, {"GET", "/-/healthy"}, {"POST", "/-/reload"},
	} {
		for password, want := range map[string]int{"": 401, "another": 401, webPassword: 200} {
			if got := ask(t, test.method, "https://"+p.admin+test.path, password); got != want {
				t.Errorf("%s with password %q answered %d, want %d", test.path, password, got, want)
			}
		}
	}
	if got := ask(t, "GET", "http://"+p.admin+"/metrics", webPassword); got != 400 {
		t.Errorf("without TLS it answered %d", got)
	}
	writeFile(t, file, encrypted)
	if got := ask(t, "GET", "https://"+p.admin+"/metrics", ""); got != 200 {
		t.Errorf("without users it answered %d", got)
	}
	// To be without one takes a restart.
	p.head = strings.Replace(p.head, ", web_config_file: "+file, "", 1)
	p.write("")
	if got := ask(t, "POST", "https://"+p.admin+"/-/reload", ""); got != 200 {
		t.Errorf("reloading answered %d", got)
	}
	eventually(t, "saying so", func() bool { return strings.Contains(p.log.String(), `"key":"admin.web_config_file"`) })
}

// A broken file lets no request in, and the log says so without its values.
func TestBrokenWebConfigRejectsEveryRequest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "web.yml")
	p := startGuarded(t, file, "basic_auth_users: {prometheus: "+webHash+"}\n")
	writeFile(t, file, "basic_auth_users: s3cret\n")
	if got := ask(t, "GET", "http://"+p.admin+"/metrics", webPassword); got != 500 {
		t.Errorf("it answered %d", got)
	}
	eventually(t, "saying so", func() bool { return strings.Contains(p.log.String(), `"err":"yaml: unmarshal errors: line 1: cannot`) })
	if log := p.log.String(); strings.Contains(log, "s3cret") {
		t.Errorf("the log is:\n%s", log)
	}
}

// ask returns the status of the answer to a request to an admin listener.
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
