package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"oauthgw/internal/legacy"

	"go.uber.org/goleak"
)

// programVariable is an environment variable with which the test binary is the program itself.
const programVariable = "OAUTHGW_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// programFile returns a copy of the test binary that runs as the program, for tests that
// need a process. Any user can execute it.
func programFile(t *testing.T) string {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "oauthgw")
	if err := os.WriteFile(name, text, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv(programVariable, "1")
	return name
}

// testProgram is a running program whose configuration file can be rewritten.
type testProgram struct {
	t           *testing.T
	file        string
	head        string // what every version of the file begins with
	data, admin string
	stdout, log syncBuffer
	stop        func()
}

// startProgram runs the program with a configuration file.
func startProgram(t *testing.T, upstream, rest string) *testProgram {
	t.Helper()
	p := &testProgram{t: t, file: filepath.Join(t.TempDir(), "oauthgw.yaml")}
	p.head = rest + "listen: 127.0.0.1:0\nupstream: {url: " + upstream + "}\n"
	if !strings.Contains(rest, "admin:") {
		p.head += "admin: {listen: 127.0.0.1:0}\n"
	}
	p.write("")
	p.start("--config.file=" + p.file)
	return p
}

// listening matches the log line with the addresses of both listeners, in either format.
var listening = regexp.MustCompile(`msg"?[:=]"?listening"?[ ,]"?listen"?[:=]"?([^" ]+)"?[ ,]"?admin"?[:=]"?([^"\s]+)`)

// start runs a command line until stop or the end of the test.
func (p *testProgram) start(args ...string) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, args, nil, &p.stdout, &p.log) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			p.t.Error(err)
		}
	})
	p.t.Cleanup(p.stop)
	var addresses []string
	eventually(p.t, "listening", func() bool {
		addresses = listening.FindStringSubmatch(p.log.String())
		return addresses != nil || len(done) > 0
	})
	if addresses == nil {
		p.t.Fatal("the program ended")
	}
	p.data, p.admin = addresses[1], addresses[2]
}

func (p *testProgram) write(rest string) {
	if err := os.WriteFile(p.file, []byte(p.head+rest), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *testProgram) reload() (int, string) {
	p.t.Helper()
	resp, err := http.Post("http://"+p.admin+"/-/reload", "", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// passthroughWorks reports whether other paths than endpoints pass, which shows the active
// configuration.
func (p *testProgram) passthroughWorks() bool { return status(p.t, "http://"+p.data+"/") == 200 }

// invoke runs a command line and returns what it printed.
func invoke(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	return invokeWith(t, "", args...)
}

// invokeWith does so with a text on standard input.
func invokeWith(t *testing.T, stdin string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out, diagnostics syncBuffer
	err = run(ctx, args, strings.NewReader(stdin), &out, &diagnostics)
	return out.String(), diagnostics.String(), err
}

// TestDemo checks that the demo prints the difference and curl lines, and serves until it is
// interrupted.
func TestDemo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var out syncBuffer
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"demo"}, nil, &out, io.Discard) }()
	eventually(t, "the demo", func() bool { return strings.Contains(out.String(), "Interrupt to stop.") })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	for _, want := range []string{
		"400 invalid_request: Missing client_id parameter\n  provider received Authorization: yes, parameters: code, grant_type\n",
		"200 access_token, expires_in, expiry, refresh_token, token_type\n  provider received Authorization: no, parameters: code, grant_type, client_id, client_secret\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the demo lacks %q:\n%s", want, out.String())
		}
	}
	if !strings.Contains(out.String(), "curl -i -u demo-client:demo-secret ") || strings.Contains(out.String(), "%!") {
		t.Errorf("the curl lines are not complete:\n%s", out.String())
	}
}

func TestCommandLines(t *testing.T) {
	const good = "../../internal/config/testdata/minimal.good.yaml"
	for _, test := range []struct {
		args, out, err string
	}{
		{"version", "oauthgw ", ""},
		{"check --config.file=" + good, "the configuration is valid\n", ""},
		{"check --upstream.url=http://127.0.0.1:3000", "the configuration is valid\n", ""},
		{"check", "", "upstream.url: is required: the provider's origin, such as http://127.0.0.1:3000"},
		{"check --config.file=" + good + " --log.level=loud", "", "--log.level: must be one of debug, info, warn, error"},
		{"serve --config.file=../../internal/config/testdata/no-upstream.bad.yaml", "", "../../internal/config/testdata/no-upstream.bad.yaml: upstream.url: is required: the provider's origin, such as http://127.0.0.1:3000"},
		{"check --format=xml", "", `invalid value "xml" for flag -format: must be one of text, json`},
		{"check extra", "", `oauthgw check: unexpected argument "extra"`},
		{"doctor", "", "oauthgw doctor: the URL of an authorization server is required, such as https://login.example.com"},
		{"doctor login.example.com", "", "oauthgw doctor: the URL must be an http or https URL, such as https://login.example.com"},
		{"doctor https://login.example.com/%E3%85%A4", "", "oauthgw doctor: the URL must not hold characters that cannot be printed"},
		{"doctor --ca-file=absent.pem http://127.0.0.1:1", "", `invalid value "absent.pem" for flag -ca-file: open absent.pem: no such file or directory`},
		{"doctor http://127.0.0.1:1 -format json", "{\n  \"url\": \"http://127.0.0.1:1\",\n  \"findings\": [\n    {\n      \"severity\": \"problem\",\n      \"subject\": \"connection\",", "oauthgw doctor: problems: 1"},
		{"chekc", "", "oauthgw: unknown command \"chekc\"\n" + usage},
		{"check --nonsense", "", "flag provided but not defined: -nonsense"},
	} {
		t.Run(test.args, func(t *testing.T) {
			out, _, err := invoke(t, strings.Fields(test.args)...)
			if got := errorText(err); got != test.err {
				t.Errorf("got error %q, want %q", got, test.err)
			}
			if !strings.HasPrefix(out, test.out) || test.out == "" && out != "" {
				t.Errorf("printed %q, want %q", out, test.out)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestHelpIsNotAnError(t *testing.T) {
	_, diagnostics, err := invoke(t, "serve", "-h")
	if err != nil || !strings.Contains(diagnostics, "usage: oauthgw") || !strings.Contains(diagnostics, "-upstream.url origin") {
		t.Errorf("got %v\n%s", err, diagnostics)
	}
}

// TestServeByFlagsAlone checks that the program starts with flags alone, what its two
// listeners answer, and that an address that is in use is an error with its key.
func TestServeByFlagsAlone(t *testing.T) {
	p := &testProgram{t: t}
	p.start("--upstream.url=http://127.0.0.1:1", "--listen=127.0.0.1:0", "--admin.listen=127.0.0.1:0")
	for path, want := range map[string]int{"/-/healthy": 200, "/healthz": 200, "/-/ready": 503, "/readyz": 503, "/metrics": 200, "/else": 404} {
		if got := status(t, "http://"+p.admin+path); got != want {
			t.Errorf("%s of the admin listener: got %d, want %d", path, got, want)
		}
	}
	for _, path := range []string{"/metrics", "/-/healthy"} {
		if got := status(t, "http://"+p.data+path); got != 503 {
			t.Errorf("%s of the public listener: got %d", path, got)
		}
	}
	for key, flags := range map[string][]string{"listen": {"--listen=" + p.data}, "admin.listen": {"--listen=127.0.0.1:0", "--admin.listen=" + p.data}} {
		_, _, err := invoke(t, append(flags, "--upstream.url=http://127.0.0.1:1")...)
		if got, want := errorText(err), key+": cannot listen on "+p.data+": address already in use"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

var droppedLine = regexp.MustCompile(`(?m)^oauthgw_log_dropped_total\{log="operations"\} [1-9]`)

// TestReaderOfTheLogGoesAway checks that the gateway drops log lines and counts them, and
// does not exit, when the reader of standard error does.
func TestReaderOfTheLogGoesAway(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	program := exec.Command(programFile(t), "--upstream.url=http://127.0.0.1:1", "--listen=127.0.0.1:0", "--admin.listen=127.0.0.1:0")
	program.Stderr = writer
	startProcess(t, program)
	writer.Close()
	var addresses []string
	for lines := bufio.NewScanner(reader); addresses == nil && lines.Scan(); {
		addresses = listening.FindStringSubmatch(lines.Text())
	}
	if addresses == nil {
		t.Fatal("it does not say where it listens")
	}
	reader.Close()
	send(t, addresses[1], "GET / HTTP/1.1\nHost: a b")
	eventually(t, "a lost line", func() bool { return droppedLine.MatchString(testGateway{admin: addresses[2]}.scrape(t)) })
}

// startProcess starts a program that is interrupted when the test ends.
func startProcess(t *testing.T, command *exec.Cmd) {
	t.Helper()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt)
		if err := command.Wait(); err != nil && !t.Failed() {
			t.Errorf("%v\n%v", err, command.Stderr)
		}
	})
}

// TestReload checks that a reload takes effect, keeps discovered endpoints and metadata, and
// is refused if the new configuration is broken or cannot be served.
func TestReload(t *testing.T) {
	provider := httptest.NewServer(legacy.New(legacy.Config{PublicURL: "https://login.example.com"}))
	defer provider.Close()
	p := startProgram(t, provider.URL, "")
	eventually(t, "readiness", func() bool { return status(t, "http://"+p.admin+"/-/ready") == 200 })
	p.write("passthrough: false\n")
	if code, text := p.reload(); code != 200 || text != "reloaded\n" || p.passthroughWorks() {
		t.Errorf("got %d %s", code, text)
	}
	provider.Close()
	p.write("passthrough: false\nlog: {level: debug}\n")
	if code, _ := p.reload(); code != 200 || status(t, "http://"+p.data+"/.well-known/oauth-authorization-server") != 200 {
		t.Error("the metadata was lost")
	}
	p.write("metadata: {patch: {remove: [x]}}\n")
	if code, text := p.reload(); code != 500 || !strings.Contains(text, "the endpoints are not configured and discovery failed") || p.passthroughWorks() {
		t.Errorf("a configuration whose discovery fails: %d %s", code, text)
	}
	p.write("log: {")
	want := p.file + ":4: is not YAML: did not find expected node content"
	if _, _, err := invoke(t, "check", "--config.file="+p.file); errorText(err) != want {
		t.Errorf("check reports %v", err)
	}
	if code, text := p.reload(); code != 500 || text != "config reload failed, keeping previous config:\n"+want+"\n" || p.passthroughWorks() {
		t.Errorf("a broken configuration: %d %s", code, text)
	}
	p.head = strings.Replace(p.head, "listen: 127.0.0.1:0", "listen: 127.0.0.1:1", 1)
	p.write("")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a reload by signal, and what it cannot change", func() bool {
		return strings.Contains(p.log.String(), `"msg":"setting requires a restart","key":"listen"`)
	})
	p.write("max_connections: 10\n")
	for range 2 { // the second reload changes nothing, and the restart is still required
		if code, text := p.reload(); code != 200 || text != "reloaded, but a change of these settings requires a restart: listen, max_connections\n" {
			t.Errorf("settings that require a restart: %d %s", code, text)
		}
	}
}

// TestManyReloadsUnderRequests checks that requests of every kind are served while the
// configuration is reloaded. Under the race detector it shows that nothing is shared.
func TestManyReloadsUnderRequests(t *testing.T) {
	provider := startProvider(t, okJSON+`{"issuer":"https://login.example.com","token_endpoint":"https://login.example.com/t"}`)
	p := startProgram(t, provider, "endpoints: {token: /t, registration: /r}\n")
	var requests sync.WaitGroup
	ctx, enough := context.WithCancel(t.Context())
	for _, request := range []string{
		fmt.Sprintf(basicRequest, "/t"), "POST /r HTTP/1.1\nHost: a\nOrigin: https://app.example\nContent-Type: application/json\n\n{}",
		"GET /page HTTP/1.1\nHost: a", "GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: a",
		"GET / HTTP/1.1\nHost: localhost\nX-To: admin", "GET /metrics HTTP/1.1\nHost: localhost\nX-To: admin",
	} {
		address := p.data
		if strings.HasSuffix(request, "admin") {
			address = p.admin
		}
		requests.Go(func() {
			for ctx.Err() == nil {
				if response := send(t, address, request); !strings.HasPrefix(response, "HTTP/1.1 200 ") {
					t.Errorf("%.20q: got %.100s", request, response)
				}
			}
		})
	}
	for i := range 40 {
		p.write(fmt.Sprintf("cors: {allowed_origins: [\"https://app.example\"]}\nclient_auth: {realm: r%d}\nlog: {level: %s}\n", i, []string{"debug", "warn"}[i%2]))
		if code, text := p.reload(); code != 200 {
			t.Errorf("got %d %s", code, text)
		}
	}
	enough()
	requests.Wait()
}
