package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthgw/internal/config"
	"oauthgw/internal/state"
)

// TestCA45RedisURL checks which URLs are errors, that no error shows a password, and that the client of
// Redis takes every other one.
func TestCA45RedisURL(t *testing.T) {
	const noURL = "must be a URL such as redis://127.0.0.1:6379/0, rediss://user@redis.example:6379 or unix:///run/redis.sock, without options; write a password into a file, and name that in state.password_file"
	const password = "must not hold a password; write it into a file, and name that in state.password_file"
	const plain = "redis:// to another host lets the network read the password and change replies; use rediss://, or set state.insecure_plaintext"
	for url, want := range map[string]string{
		"": "", "redis://127.0.0.1": "", "redis://127.0.0.1:6379/": "", "redis://[::1]:6379/15": "", "redis://localhost:1": "", "REDIS://127.0.0.1": "",
		"rediss://redis.example": "", "rediss://user@redis.example:6380/0": "", "rediss://r_1.example:6379": "",
		"unix:///run/redis.sock": "", "unix:/run/redis.sock": "", "unix://user@/run/redis.sock?db=3": "", "unix:///run/a%20b": "",

		"redis://redis.example:6379": plain, "redis://10.0.0.1": plain, "redis://user@0.0.0.0": plain, "redis://127.0.0.1.example": plain,

		"redis://:canary@127.0.0.1": password, "redis://user:@127.0.0.1": password, "redis://canary:canary@redis.example": password, "rediss://u:canary@h/x?y": password,
		"unix://:canary@/s": password, "http://:canary@h": password,

		"redis://:can#ary@127.0.0.1": noURL, "redis://:can/ary@127.0.0.1": noURL, "redis://u:can%ary@h": noURL, "redis://u:can?ary@h": noURL, "redis://:can ary@h": noURL,
		"127.0.0.1:6379": noURL, "redis.example": noURL, "redis://": noURL, "redis:127.0.0.1": noURL, "redis://:6379": noURL, "redis:///0": noURL, "http://127.0.0.1": noURL, "tcp://h": noURL,
		"rediss://h/x": noURL, "rediss://h/-1": noURL, "rediss://h/1/2": noURL, "rediss://h//1": noURL, "rediss://h/123456": noURL, "rediss://h:0x1": noURL, "rediss://h:70000": noURL, "rediss://h:": noURL,
		"rediss://h?db=1": noURL, "rediss://h?skip_verify=true": noURL, "rediss://h?read_timeout=1h": noURL, "redis://127.0.0.1?max_retries=3": noURL, "rediss://h#x": noURL, "rediss://h#": noURL,
		"rediss://a,b:1": noURL, "rediss://a b": noURL, "rediss://h\n": noURL, " rediss://h": noURL, "redis-sentinel://h": noURL,
		"unix:": noURL, "unix://run/redis.sock": noURL, "unix:run/redis.sock": noURL, "unix:///s?db=x": noURL, "unix:///s?db=1&pool_size=9": noURL, "unix:///s?db=": noURL, "unix:///s#x": noURL,
	} {
		c := config.Default()
		c.Upstream.URL, c.State.Redis = "http://127.0.0.1:1", url
		_, err := c.Validate()
		if want != "" {
			want = "state.redis: " + want
		}
		if got := fmt.Sprint(err); got != want && (want != "" || err != nil) || strings.Contains(got, "ary") {
			t.Errorf("%q: got %s, want %s", url, got, want)
		}
		c.State.InsecurePlaintext = true
		if _, err = c.Validate(); url == "" || err != nil {
			continue
		}
		client, err := state.NewRedis(state.Config{Redis: url}, state.NewMemory())
		if err != nil {
			t.Errorf("%q is no error, but Redis cannot be used: %v", url, err)
			continue
		}
		client.Close()
	}
}

// TestCA45StateFiles checks the files of state: which are errors, that they are watched, that one line end
// is dropped, and that no error shows the password.
func TestCA45StateFiles(t *testing.T) {
	dir := t.TempDir()
	password, bundle := filepath.Join(dir, "password"), filepath.Join(dir, "ca.crt")
	writeCertificate(t, strings.TrimSuffix(bundle, ".crt"), time.Now().Add(time.Hour))
	const lines = "state.password_file: PASSWORD must hold the password as one line; remove other lines and control characters"
	for _, test := range []struct {
		redis, text string
		roots       bool
		want        string
	}{
		{"rediss://h", "canary\n", true, ""}, {"redis://127.0.0.1", "canary\r\n", false, ""}, {"unix:/s", "canary é", false, ""},
		{"rediss://h", "", false, "state.password_file: PASSWORD is empty; write the password of Redis into it"},
		{"rediss://h", "\n", false, "state.password_file: PASSWORD is empty; write the password of Redis into it"},
		{"rediss://h", "canary\n\n", false, lines}, {"rediss://h", "canary\x00", false, lines}, {"rediss://h", "canary\ncanary", false, lines},
		{"", "canary", false, "state.password_file: has no effect without state.redis; set it, or remove this key"},
		{"redis://127.0.0.1", "canary", true, "state.ca_file: is used with TLS only; set state.redis to a rediss URL, or remove this key"},
	} {
		write(t, password, test.text)
		c := config.Default()
		c.Upstream.URL, c.State.Redis, c.State.PasswordFile = "http://127.0.0.1:1", test.redis, password
		if test.roots {
			c.State.CAFile = bundle
		}
		if err := os.Chmod(password, 0o644); err != nil {
			t.Fatal(err)
		}
		s, err := c.Validate()
		if got := strings.ReplaceAll(fmt.Sprint(err), password, "PASSWORD"); got != test.want && (test.want != "" || err != nil) {
			t.Errorf("%q: got %s, want %s", test.text, got, test.want)
		}
		if err == nil && (s.StatePassword.Reveal() != strings.TrimRight(test.text, "\r\n") || (s.StateRoots != nil) != test.roots) {
			t.Errorf("%q: got %q, %v", test.text, s.StatePassword.Reveal(), s.StateRoots)
		}
		if shown := fmt.Sprintf("%v %+v %#v %v", err, s, s, s.Warnings("")); strings.Contains(shown, "canary") || !strings.Contains(shown, password+" holds a secret") {
			t.Errorf("%q: got %s", test.text, shown)
		}
		if !slices.Contains(s.Files, password) || slices.Contains(s.Files, bundle) != test.roots {
			t.Errorf("%q: watches %q", test.text, s.Files)
		}
	}
}
