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

// TestDemo checks that the demo prints the differences and curl lines, serves until it is
// interrupted, and leaves no secret behind.
func TestDemo(t *testing.T) {
	directory := t.TempDir()
	t.Setenv("TMPDIR", directory)
	ctx, cancel := context.WithCancel(t.Context())
	var out syncBuffer
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"demo"}, nil, &out, io.Discard) }()
	eventually(t, "the demo", func() bool { return strings.Contains(out.String(), "Press Ctrl-C to stop.") })
	cancel()
	if code := exitCode(<-done, io.Discard); code != 0 {
		t.Errorf("interrupted, the demo ended with %d", code)
	}
	for _, want := range []string{
		"400 invalid_request: Missing client_id parameter\n  provider received Authorization: yes, parameters: code, grant_type\n",
		"200 access_token, expires_in, expiry, refresh_token, token_type\n  provider received Authorization: no, parameters: code, grant_type, client_id, client_secret\n",
		"To the provider\n  response          404 Route not found.\n",
		"Through oauthgw\n  response          201 client_id, grant_types, redirect_uris, response_types, token_endpoint_auth_method\n",
		"400 invalid_request: Missing required parameter: client_secret\n  provider received Authorization: no, parameters: client_id, code, code_verifier, grant_type, redirect_uri\n",
		"200 access_token, expires_in, expiry, refresh_token, token_type\n  provider received Authorization: no, parameters: code, code_verifier, grant_type, redirect_uri, client_id, client_secret\n",
		"/register\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the demo lacks %q:\n%s", want, out.String())
		}
	}
	if !strings.Contains(out.String(), "curl -i -u demo-client:demo-secret ") || strings.Contains(out.String(), "%!") {
		t.Errorf("the curl lines are not complete:\n%s", out.String())
	}
	if left, err := os.ReadDir(directory); len(left) > 0 || err != nil || strings.Contains(out.String(), "demo-agent-secret") {
		t.Errorf("the demo left %v (%v), or printed the agent's secret:\n%s", left, err, out.String())
	}
}

func TestCommandLines(t *testing.T) {
	const good = "../../internal/config/testdata/minimal.good.yaml"
	const noUpstream = "../../internal/config/testdata/no-upstream.bad.yaml"
	const needsUpstream = "--upstream.url: is required: the provider's origin, such as http://127.0.0.1:3000; or name a configuration file with --config.file"
	const mcpURL = "--mcp-url: must be the http or https URL of an MCP server in normal form, such as https://login.example.com/mcp: " +
		"host in lower case, no default port, user or fragment, no empty or dot segments, and other characters than ASCII percent-encoded; run "
	for _, test := range []struct {
		args, out, err string
		code           int
	}{
		{"version", "oauthgw ", "", 0},
		{"--version", "oauthgw ", "", 0},
		{"check --offline --config.file=" + good, "the configuration is valid\n", "", 0},
		{"check --offline --upstream.url=http://127.0.0.1:3000", "the configuration is valid\n", "", 0},
		{"", "", needsUpstream + `; run "oauthgw help serve"`, 2},
		{"check", "", needsUpstream + `; run "oauthgw help check"`, 2},
		{"check --config.file=" + good + " --log.level=loud", "", `--log.level: must be one of debug, info, warn, error; run "oauthgw help check"`, 2},
		{"--config.file=" + noUpstream, "", noUpstream + ": upstream.url: is required: the provider's origin, such as http://127.0.0.1:3000", 1},
		{"--config.file=absent.yaml", "", "absent.yaml: cannot be read: open absent.yaml: no such file or directory", 1},
		{"--config.file=.", "", ".: cannot be read: . is not a regular file", 1},
		{"check --format=xml", "", `--format: must be one of text, json; run "oauthgw help check"`, 2},
		{"check --format", "", `--format: needs a value; run "oauthgw help check"`, 2},
		{"check --offline=maybe", "", `--offline: must be true or false; run "oauthgw help check"`, 2},
		{"check --nonsense", "", `--nonsense: unknown flag; run "oauthgw help check"`, 2},
		{"check --mcp-url=https://login.example.com/mcp?a=b#c", "", mcpURL + `"oauthgw help check"`, 2},
		{"doctor --mcp-url https://LOGIN.example.com/mcp https://login.example.com", "", mcpURL + `"oauthgw help doctor"`, 2},
		{"check ---", "", `bad flag syntax: ---; run "oauthgw help check"`, 2},
		{"check ---x=canary", "", `bad flag syntax: ---x; run "oauthgw help check"`, 2},
		{"check extra", "", `unexpected argument "extra"; run "oauthgw help check"`, 2},
		{"version 1 2", "", `unexpected argument "1"; run "oauthgw help version"`, 2},
		{"doctor", "", `URL: is required, such as oauthgw doctor https://login.example.com; run "oauthgw help doctor"`, 2},
		{"doctor login.example.com", "", `the URL must be an http or https URL, such as https://login.example.com; run "oauthgw help doctor"`, 2},
		{"doctor https://login.example.com/%E3%85%A4", "", `the URL must not hold characters that cannot be printed; run "oauthgw help doctor"`, 2},
		{"doctor --ca-file=absent.pem http://127.0.0.1:1", "", "--ca-file: open absent.pem: no such file or directory", 1},
		{"doctor http://127.0.0.1:1 -format json", "{\n  \"url\": \"http://127.0.0.1:1\",\n  \"findings\": [\n    {\n      \"severity\": \"problem\",\n      \"subject\": \"connection\",", "problems: 1", 1},
		{"demo --listen=127.0.0.1:99999", "", `--listen: the port must be a number from 0 to 65535, as in 127.0.0.1:8080; run "oauthgw help demo"`, 2},
		{"chekc", "", `unknown command "chekc": must be one of serve, check, doctor, explain, demo, version, help; run "oauthgw help"`, 2},
		{"help chekc", "", `unknown command "chekc": must be one of serve, check, doctor, explain, demo, version, help; run "oauthgw help"`, 2},
		{"help help help", "", `unexpected argument "help"; run "oauthgw help help"`, 2},
	} {
		t.Run(test.args, func(t *testing.T) {
			out, _, err := invoke(t, strings.Fields(test.args)...)
			if got := errorText(err); got != test.err {
				t.Errorf("got error %q, want %q", got, test.err)
			}
			if !strings.HasPrefix(out, test.out) || test.out == "" && out != "" {
				t.Errorf("printed %q, want %q", out, test.out)
			}
			if code := exitCode(err, io.Discard); code != test.code {
				t.Errorf("got exit code %d, want %d", code, test.code)
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

// TestErrorsOfTheService checks that an error that ends the service is in the format of its
// log, a line for each error of the configuration, and that wrong usage is not.
func TestErrorsOfTheService(t *testing.T) {
	const jsonLine, textLine, plainLine = `^{"time":"[^"]+","level":"ERROR","msg":"fatal error","err":"`, `^time=\S+ level=ERROR msg="fatal error" err="`, `^oauthgw: `
	broken := configFile(t, "realm: a\npassthru: b\n")
	textual := configFile(t, "log: {format: text}\nrealm: a\npassthru: b\n")
	for args, want := range map[string]struct {
		prefix string
		lines  int
	}{
		"--config.file=" + broken:                                {jsonLine + regexp.QuoteMeta(broken), 2},
		"--config.file=" + broken + " --log.format=text":         {textLine + regexp.QuoteMeta(broken), 2},
		"--config.file=" + textual:                               {textLine + regexp.QuoteMeta(textual), 2},
		"--config.file=" + textual + " --log.format=json":        {jsonLine + regexp.QuoteMeta(textual), 2},
		"--config.file=absent.yaml":                              {jsonLine + "absent", 1},
		"serve --config.file=absent.yaml --log.format=text":      {textLine + "absent", 1},
		"--upstream.url=http://127.0.0.1:1 --listen=192.0.2.1:1": {jsonLine + "listen: cannot listen on", 1},
		"--config.file=" + broken + " --nonsense":                {plainLine + "--nonsense: unknown flag", 1},
		"--upstream.url=http://127.0.0.1:1 --listen=80":          {plainLine + "--listen: must be", 1},
		"check --config.file=" + broken:                          {plainLine + regexp.QuoteMeta(broken), 2},
	} {
		_, _, err := invoke(t, strings.Fields(args)...)
		var printed strings.Builder
		code := exitCode(err, &printed)
		for line := range strings.Lines(printed.String()) {
			want.lines--
			if !regexp.MustCompile(want.prefix).MatchString(line) {
				t.Errorf("%s: got line %s, want %s", args, line, want.prefix)
			}
		}
		if want.lines != 0 || code == 0 {
			t.Errorf("%s: got exit code %d and\n%s", args, code, printed.String())
		}
	}
}

// TestHelp checks that every way to ask for help prints the same to standard output.
func TestHelp(t *testing.T) {
	for _, ways := range [][]string{
		{"help", "--help", "-h", "-help"},
		{"help check", "check --help", "check -h", "check --format=json -help", "--help check"},
		{"help serve", "serve --help", "--upstream.url=a --help"},
		{"help help", "help --help"},
	} {
		want, _, _ := invoke(t, strings.Fields(ways[0])...)
		for _, way := range ways {
			out, diagnostics, err := invoke(t, strings.Fields(way)...)
			if err != nil || diagnostics != "" || out != want || !strings.HasPrefix(out, "usage: oauthgw ") {
				t.Errorf("%s: got %v\n%s%s", way, err, out, diagnostics)
			}
		}
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
	const metadata = "GET /.well-known/oauth-authorization-server HTTP/1.1\nHost: login.example.com"
	p.write("passthrough: false\n")
	if code, text := p.reload(); code != 200 || text != "reloaded\n" || p.passthroughWorks() {
		t.Errorf("got %d %s", code, text)
	}
	provider.Close()
	p.write("passthrough: false\nlog: {level: debug}\n")
	if code, _ := p.reload(); code != 200 || !strings.HasPrefix(send(t, p.data, metadata), "HTTP/1.1 200 ") {
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
	keys := strings.TrimPrefix(jwks(t, "cluster"), "{")
	provider := startProvider(t, okJSON+`{"issuer":"https://login.example.com","token_endpoint":"https://login.example.com/t",`+keys)
	workload := strings.Replace(workloadEntry, "jwks_file: testdata/assertions/cluster.jwks", "jwks_uri: "+provider+"/keys", 1)
	p := startProgram(t, provider, "endpoints: {token: /t, registration: /r}\nclients: {pay: {secret_file: testdata/secrets/pay, assertions: ["+workload+"]}}\n")
	asserted := strings.Replace(tokenPost(t, workloadForm), "/oauth2/tokens", "/t", 1)
	eventually(t, "the keys", func() bool { return strings.HasPrefix(send(t, p.data, asserted), "HTTP/1.1 200 ") })
	var requests sync.WaitGroup
	ctx, enough := context.WithCancel(t.Context())
	for _, request := range []string{
		fmt.Sprintf(basicRequest, "/t"), asserted, "POST /r HTTP/1.1\nHost: a\nOrigin: https://app.example\nContent-Type: application/json\n\n{}",
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
