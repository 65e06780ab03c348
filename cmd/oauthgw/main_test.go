package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

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

func TestDemoShowsTheDifference(t *testing.T) {
	out, diagnostics, err := invoke(t, "demo", "--once")
	if err != nil {
		t.Fatalf("%v\n%s", err, diagnostics)
	}
	for _, want := range []string{
		"400 invalid_request: Missing client_id parameter\n  provider saw   Authorization: yes, parameters: code, grant_type\n",
		"200 access_token, expires_in, expiry, refresh_token, token_type\n  provider saw   Authorization: no, parameters: code, grant_type, client_id, client_secret\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the demo lacks %q:\n%s", want, out)
		}
	}
}

func TestDemoInvites(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var out syncBuffer
	done := make(chan error, 1)
	go func() { done <- run(ctx, []string{"demo"}, nil, &out, io.Discard) }()
	for !strings.Contains(out.String(), "Interrupt to stop.") {
		select {
		case err := <-done:
			t.Fatalf("the demo ended by itself: %v\n%s", err, out.String())
		case <-time.After(time.Millisecond):
		}
	}
	_, rest, _ := strings.Cut(out.String(), "curl -i -u ")
	fields := strings.Fields(rest)
	id, secret, _ := strings.Cut(fields[0], ":")
	if len(id) != 36 || !strings.HasPrefix(secret, "coder_") || strings.Contains(out.String(), "%!") {
		t.Errorf("the curl lines are not complete:\n%s", out.String())
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestCommandLines(t *testing.T) {
	const good = "testdata/config/minimal.good.yaml"
	for _, test := range []struct {
		args, out, err string
	}{
		{"version", "oauthgw ", ""},
		{"serve --version", "oauthgw ", ""},
		{"--version", "oauthgw ", ""},
		{"check --config.file=" + good, "the configuration is valid\n", ""},
		{"check -config.file " + good, "the configuration is valid\n", ""},
		{"check --upstream.url=http://127.0.0.1:3000", "the configuration is valid\n", ""},
		{"check", "", "upstream.url: is required: the provider's origin, such as http://127.0.0.1:3000"},
		{"check --upstream.url=ftp://a", "", "--upstream.url: must be an http or https URL, such as http://127.0.0.1:3000"},
		{"check --config.file=" + good + " --log.level=loud", "", "--log.level: must be one of debug, info, warn, error"},
		{"check --config.file=testdata/config/several-documents.bad.yaml", "", "testdata/config/several-documents.bad.yaml:4: begins another document; the file must hold one, without --- between its lines"},
		{"serve --config.file=testdata/config/no-upstream.bad.yaml", "", "testdata/config/no-upstream.bad.yaml: upstream.url: is required: the provider's origin, such as http://127.0.0.1:3000"},
		{"check --config.file=absent.yaml", "", "absent.yaml: cannot be read: no such file or directory"},
		{"check --format=xml", "", "--format: must be one of text, json"},
		{"check extra", "", `oauthgw check: unexpected argument "extra"`},
		{"doctor", "", "oauthgw doctor: the URL of an authorization server is required, such as https://login.example.com"},
		{"doctor http://127.0.0.1:1 extra", "", `oauthgw doctor: unexpected argument "extra"`},
		{"doctor login.example.com", "", "oauthgw doctor: the URL must be an http or https URL, such as https://login.example.com"},
		{"doctor https://login.example.com/%E3%85%A4", "", "oauthgw doctor: the URL must not hold characters that cannot be printed"},
		{"doctor --format=xml --ca-file=absent.pem http://127.0.0.1:1", "", "--format: must be one of text, json\n--ca-file: absent.pem cannot be read: no such file or directory"},
		{"doctor http://127.0.0.1:1 -format json", "{\n  \"url\": \"http://127.0.0.1:1\",\n  \"findings\": [\n    {\n      \"severity\": \"problem\",\n      \"subject\": \"connection\",", "oauthgw doctor: 1 problem"},
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

func TestHelpIsNoError(t *testing.T) {
	_, diagnostics, err := invoke(t, "serve", "-h")
	if err != nil || !strings.Contains(diagnostics, "usage: oauthgw") || !strings.Contains(diagnostics, "-upstream.url origin") {
		t.Errorf("got %v\n%s", err, diagnostics)
	}
}

// Whichever address is taken, the message names the key to change.
func TestTakenPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	address := taken.Addr().String()
	for _, test := range []struct{ listen, admin, want string }{
		{address, "127.0.0.1:0", "cannot listen for clients (listen: " + address + "): address already in use"},
		{"127.0.0.1:0", address, "cannot listen for operators (admin.listen: " + address + "): address already in use"},
	} {
		_, _, err := invoke(t, "--upstream.url=http://127.0.0.1:1", "--listen="+test.listen, "--admin.listen="+test.admin)
		if got := errorText(err); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

// The program as a whole: it starts by flags alone, answers, and ends when it
// is told to.
func TestServeByFlagsAlone(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var log syncBuffer
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"--upstream.url=http://127.0.0.1:1", "--listen=127.0.0.1:0", "--admin.listen=127.0.0.1:0"}, nil, io.Discard, &log)
	}()
	var listening struct{ Msg, Listen, Admin string }
	eventually(t, "listening", func() bool {
		// The provider may be found missing before.
		for line := range strings.Lines(log.String()) {
			if json.Unmarshal([]byte(line), &listening); listening.Msg == "listening" {
				return true
			}
		}
		return false
	})
	for url, want := range map[string]int{
		"http://" + listening.Admin + "/-/healthy":  200,
		"http://" + listening.Admin + "/healthz":    200,
		"http://" + listening.Admin + "/-/ready":    503,
		"http://" + listening.Admin + "/readyz":     503,
		"http://" + listening.Admin + "/metrics":    200,
		"http://" + listening.Admin + "/else":       404,
		"http://" + listening.Listen + "/metrics":   503,
		"http://" + listening.Listen + "/-/healthy": 503,
	} {
		resp, err := http.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s answered %d, want %d", url, resp.StatusCode, want)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
