package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// breakage is a configuration that is broken by its files, or by where it was cut off.
type breakage struct {
	name  string
	write func(t *testing.T, w workshop) // makes oauthgw.yaml
	want  string                         // DIR is the workshop's directory
}

// workshop is a directory for broken configurations.
type workshop struct{ dir string }

func (w workshop) path(name string) string { return filepath.Join(w.dir, name) }

func (w workshop) put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// config writes a configuration that is valid except the rest.
func (w workshop) config(t *testing.T, rest string) {
	t.Helper()
	w.put(t, "oauthgw.yaml", "upstream: {url: http://127.0.0.1:1}\n"+strings.ReplaceAll(rest, "DIR", w.dir))
}

// pipe makes a pipe without another end, on which open would block.
func (w workshop) pipe(t *testing.T, name string) {
	t.Helper()
	if err := syscall.Mkfifo(w.path(name), 0o600); err != nil {
		t.Fatal(err)
	}
}

// certificate writes NAME.crt and NAME.key.
func (w workshop) certificate(t *testing.T, name string, until time.Time) {
	certificateFiles(t, w.path(name), until)
}

func configured(rest string) func(*testing.T, workshop) {
	return func(t *testing.T, w workshop) { w.config(t, rest) }
}

func brokenConfigurations() []breakage {
	expired := time.Date(2024, 2, 29, 12, 0, 0, 0, time.UTC)
	shown := func(cert, key string) string {
		return "tls: {cert_file: DIR/" + cert + ", key_file: DIR/" + key + "}\n"
	}
	return []breakage{
		{"missing file", func(*testing.T, workshop) {}, "DIR/oauthgw.yaml: cannot be read: no such file or directory"},
		{"link to nothing", func(t *testing.T, w workshop) {
			if err := os.Symlink(w.path("..data"), w.path("oauthgw.yaml")); err != nil {
				t.Fatal(err)
			}
		}, "DIR/oauthgw.yaml: cannot be read: no such file or directory"},
		{"empty file", func(t *testing.T, w workshop) { w.put(t, "oauthgw.yaml", "") },
			"DIR/oauthgw.yaml: is empty; a configuration holds at least upstream: {url: ORIGIN}, or a comment"},
		{"file without end", func(t *testing.T, w workshop) { w.config(t, strings.Repeat("# no end\n", (1<<20)/9)) },
			"DIR/oauthgw.yaml: is larger than 1 MiB, which no configuration is"},
		{"long file", func(t *testing.T, w workshop) { w.config(t, strings.Repeat("# long\n", 5000)+"log: {\n") },
			"DIR/oauthgw.yaml:5002: lacks a value, or has one that begins with a reserved character; quote it"},
		{"pipe", func(t *testing.T, w workshop) { w.pipe(t, "oauthgw.yaml") },
			"DIR/oauthgw.yaml: is empty; a configuration holds at least upstream: {url: ORIGIN}, or a comment"},
		{"certificate without end", configured("tls: {cert_file: /dev/zero, key_file: /dev/zero}\n"),
			"DIR/oauthgw.yaml:2: tls.cert_file: /dev/zero cannot be read: is larger than 1 MiB\n" +
				"DIR/oauthgw.yaml:2: tls.key_file: /dev/zero cannot be read: is larger than 1 MiB"},
		{"audit into a pipe without a reader", func(t *testing.T, w workshop) {
			w.pipe(t, "audit")
			w.config(t, "audit: {file: DIR/audit}\n")
		}, "DIR/oauthgw.yaml:2: audit.file: cannot be written: open DIR/audit: no such device or address"},
		{"web configuration that is a pipe", func(t *testing.T, w workshop) {
			w.pipe(t, "web.yml")
			w.config(t, "admin: {web_config_file: DIR/web.yml}\n")
		}, "DIR/oauthgw.yaml:2: admin.web_config_file: DIR/web.yml is no regular file"},
		{"wide file", func(t *testing.T, w workshop) {
			w.config(t, "log: {level: [x}\n"+strings.Repeat("# "+strings.Repeat("wide ", 60)+"\nlisten: a\n", 700))
		}, "DIR/oauthgw.yaml:2: has an unclosed bracket, or lacks a comma within brackets"}, // the library's line
		{"half-written key", configured("client_auth:\n  con"),
			"DIR/oauthgw.yaml:3: client_auth: must be a section with keys among basic_decoding, conflict, challenge, insecure_query_credentials, realm, failures, clients"},
		{"half-written value", configured("client_auth:\n  conflict:"),
			"DIR/oauthgw.yaml:3: client_auth.conflict: has no value; write one, or remove the key"},
		{"half-written quotation", configured("client_auth:\n  realm: \"login"),
			"DIR/oauthgw.yaml:3: has an unclosed quotation mark"},
		{"trust that is a directory", func(t *testing.T, w workshop) {
			w.put(t, "oauthgw.yaml", "upstream:\n  url: https://provider.example\n  ca_file: "+w.dir+"\n")
		}, "DIR/oauthgw.yaml:3: upstream.ca_file: DIR cannot be read: is a directory"},
		{"no key", configured("tls: {cert_file: DIR/one.crt}\n"), "DIR/oauthgw.yaml:2: tls: needs both cert_file and key_file, or neither"},
		{"missing certificate and key", configured(shown("absent.crt", "absent.key")),
			"DIR/oauthgw.yaml:2: tls.cert_file: DIR/absent.crt cannot be read: no such file or directory\n" +
				"DIR/oauthgw.yaml:2: tls.key_file: DIR/absent.key cannot be read: no such file or directory"},
		{"another's key", func(t *testing.T, w workshop) {
			w.certificate(t, "one", time.Now().Add(time.Hour))
			w.certificate(t, "two", time.Now().Add(time.Hour))
			w.config(t, shown("one.crt", "two.key"))
		}, "DIR/oauthgw.yaml:2: tls.key_file: DIR/two.key cannot be used with the certificate in DIR/one.crt: private key does not match public key"},
		{"exchanged certificate and key", func(t *testing.T, w workshop) {
			w.certificate(t, "one", time.Now().Add(time.Hour))
			w.config(t, shown("one.key", "one.crt"))
		}, "DIR/oauthgw.yaml:2: tls.cert_file: DIR/one.key holds no certificate in PEM\n" +
			"DIR/oauthgw.yaml:2: tls.key_file: DIR/one.crt holds no private key in PEM"},
		{"expired certificate", func(t *testing.T, w workshop) {
			w.certificate(t, "old", expired)
			w.config(t, shown("old.crt", "old.key"))
		}, "DIR/oauthgw.yaml:2: tls.cert_file: the certificate in DIR/old.crt expired on 2024-02-29; renew it"},
		{"expired certificate for the provider", func(t *testing.T, w workshop) {
			w.certificate(t, "old", expired)
			w.put(t, "oauthgw.yaml", "upstream:\n  url: https://provider.example\n  cert_file: "+w.path("old.crt")+"\n  key_file: "+w.path("old.key")+"\n")
		}, "DIR/oauthgw.yaml:3: upstream.cert_file: the certificate in DIR/old.crt expired on 2024-02-29; renew it"},
		{"half-written certificate", func(t *testing.T, w workshop) {
			w.certificate(t, "one", time.Now().Add(time.Hour))
			w.put(t, "one.crt", "-----BEGIN CERTIFICATE-----\nMIIB")
			w.config(t, shown("one.crt", "one.key"))
		}, "DIR/oauthgw.yaml:2: tls.cert_file: DIR/one.crt holds no certificate in PEM"},
		{"encrypted key", func(t *testing.T, w workshop) {
			w.certificate(t, "one", time.Now().Add(time.Hour))
			w.put(t, "one.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n")
			w.config(t, shown("one.crt", "one.key"))
		}, "DIR/oauthgw.yaml:2: tls.key_file: DIR/one.key is encrypted; write the key without a passphrase"},
	}
}

// TestBrokenConfigurations checks that "check" reports a broken configuration, and that a
// reload reports the same and keeps the previous configuration.
func TestBrokenConfigurations(t *testing.T) {
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	defer provider.Close()
	p := startReloading(t, provider.URL, "endpoints: {token: /t}\n")
	w := workshop{filepath.Dir(p.file)}
	for _, test := range brokenConfigurations() {
		t.Run(test.name, func(t *testing.T) {
			if err := os.Remove(p.file); err != nil {
				t.Fatal(err)
			}
			test.write(t, w)
			want := strings.ReplaceAll(test.want, "DIR", w.dir)
			if _, _, err := invoke(t, "check", "--config.file="+p.file); errorText(err) != want {
				t.Errorf("got\n%v\nwant\n%s", err, want)
			}
			code, text := p.reload()
			if code != 500 || text != "not reloaded, the old configuration stays:\n"+want+"\n" || !p.passes() {
				t.Errorf("reload: got %d\n%s\nwant\n%s", code, text, want)
			}
			_ = os.Remove(p.file)
			p.write("")
			if code, text := p.reload(); code != 200 {
				t.Fatalf("reload of the fixed file: got %d %s", code, text)
			}
		})
	}
}
