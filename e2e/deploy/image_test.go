package deploy

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

const builtGateway = root + "/bin/image/oauthgw"

var instruction = regexp.MustCompile(`(?m)^([A-Z]+) (.+)$`)

// readDockerfile returns the arguments of each instruction, in order.
func readDockerfile(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, m := range instruction.FindAllStringSubmatch(string(readFile(t, root+"/deploy/Dockerfile")), -1) {
		found[m[1]] = append(found[m[1]], m[2])
	}
	return found
}

// buildImage runs the command of the Dockerfile that builds the gateway.
func buildImage(t *testing.T) {
	t.Helper()
	run := readDockerfile(t)["RUN"][0]
	build := exec.CommandContext(t.Context(), "sh", "-c", run)
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", run, err, out)
	}
}

// unpackImage returns a directory with the files of the image and a configuration.
// Its CA bundle also verifies the provider.
func unpackImage(t *testing.T, provider *httptest.Server) (dir string) {
	t.Helper()
	buildImage(t)
	dir = t.TempDir() + "/root"
	for _, arguments := range readDockerfile(t)["COPY"][1:] {
		words := strings.Fields(arguments) // --from=build SOURCE DESTINATION
		source := words[1]
		if inside, ok := strings.CutPrefix(source, "/src/"); ok {
			source = root + "/" + inside
		}
		text := readFile(t, source)
		if strings.HasSuffix(source, "/ca-certificates.crt") {
			text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: provider.Certificate().Raw})...)
		}
		writeFile(t, dir+words[2], text)
	}
	writeFile(t, dir+"/etc/oauthgw/oauthgw.yaml", []byte("upstream: {url: \""+provider.URL+"\"}\nendpoints: {token: /token}\n"+
		"listen: 127.0.0.1:0\nadmin: {listen: \"127.0.0.1:0\"}\ndrain: {delay: 0s}\n"))
	return dir
}

// The files of the image are enough to run the gateway, in a root directory that
// its user cannot write to. To change the root directory takes root.
func TestImage(t *testing.T) {
	dockerfile := readDockerfile(t)
	expect(t, "base image", dockerfile["FROM"][1], "scratch")
	expect(t, "USER", dockerfile["USER"], []string{fmt.Sprintf("%d:%d", user, user)})
	expect(t, "ENTRYPOINT", dockerfile["ENTRYPOINT"], []string{`["/oauthgw"]`})
	provider := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer provider.Close()

	gateway := exec.CommandContext(t.Context(), "/oauthgw", "--config.file=/etc/oauthgw/oauthgw.yaml")
	gateway.Dir, gateway.Env = "/", []string{}
	gateway.SysProcAttr = &syscall.SysProcAttr{Chroot: unpackImage(t, provider), Credential: &syscall.Credential{Uid: user, Gid: user}}
	stderr, err := gateway.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := gateway.Start(); err != nil {
		t.Fatalf("%v (run as root: e2e/run, or sudo -E go test -C e2e/deploy ./...)", err)
	}
	log := json.NewDecoder(stderr)
	var line struct{ Msg, Listen, Admin string }
	for line.Msg != "listening" {
		if err := log.Decode(&line); err != nil {
			t.Fatalf("the gateway did not start: %v", err)
		}
	}
	// The last of these is answered by the provider.
	for _, url := range []string{line.Admin + "/-/healthy", line.Admin + "/-/ready", line.Admin + "/metrics", line.Listen + "/"} {
		if response, err := http.Get("http://" + url); err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("%s: %v %v", url, response, err)
		}
	}
	_ = gateway.Process.Signal(syscall.SIGTERM)
	for log.Decode(&line) == nil { // up to the last line
	}
	if err := gateway.Wait(); err != nil || line.Msg != "stopped" {
		t.Errorf("the gateway stopped with %v after logging %q", err, line.Msg)
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func writeFile(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, text, 0o555); err != nil {
		t.Fatal(err)
	}
}
