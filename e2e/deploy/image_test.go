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
	"time"

	"sigs.k8s.io/yaml"
)

const builtGateway = root + "/bin/image/oauthgw"

var instruction = regexp.MustCompile(`(?m)^([A-Z]+) (.+)$`)

// readDockerfile returns the arguments of the instructions of each stage, in order.
func readDockerfile(t *testing.T) (build, image map[string][]string) {
	t.Helper()
	build, image = map[string][]string{}, map[string][]string{}
	stage := build
	for _, m := range instruction.FindAllStringSubmatch(string(readFile(t, root+"/deploy/Dockerfile")), -1) {
		if m[1] == "FROM" && len(stage["FROM"]) > 0 {
			stage = image
		}
		stage[m[1]] = append(stage[m[1]], m[2])
	}
	return build, image
}

// entrypoint returns the program and the arguments of the image.
func entrypoint(t *testing.T) (words []string) {
	t.Helper()
	_, image := readDockerfile(t)
	if err := json.Unmarshal([]byte(image["ENTRYPOINT"][0]), &words); err != nil {
		t.Fatal(err)
	}
	return words
}

// buildImage runs the commands of the Dockerfile.
func buildImage(t *testing.T) {
	t.Helper()
	stage, _ := readDockerfile(t)
	for _, run := range stage["RUN"] {
		build := exec.CommandContext(t.Context(), "sh", "-c", run)
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", run, err, out)
		}
	}
}

// unpackImage returns a directory with the files of the image. Its CA bundle also verifies
// the provider.
func unpackImage(t *testing.T, provider *httptest.Server) (dir string) {
	t.Helper()
	buildImage(t)
	dir = t.TempDir() + "/root"
	_, image := readDockerfile(t)
	for _, arguments := range image["COPY"] {
		source, destination, _ := strings.Cut(strings.TrimPrefix(arguments, "--from=build "), " ")
		if !strings.HasPrefix(arguments, "--from=build ") || strings.HasPrefix(source, "/src/") {
			source = root + "/" + strings.TrimPrefix(source, "/src/")
		}
		text := readFile(t, source)
		if strings.HasSuffix(source, "/ca-certificates.crt") {
			text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: provider.Certificate().Raw})...)
		}
		writeFile(t, dir+destination, text)
	}
	return dir
}

// serveMetadata is a provider with metadata.
func serveMetadata(w http.ResponseWriter, r *http.Request) {
	origin := "https://" + r.Host
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"issuer": origin, "authorization_endpoint": origin + "/authorize", "token_endpoint": origin + "/token", "response_types_supported": []string{"code"},
	})
}

// The files of the image are enough to run the gateway with no more than the provider's URL,
// in a root directory that its user cannot write to. To change the root directory takes root.
func TestImage(t *testing.T) {
	build, image := readDockerfile(t)
	expect(t, "first files", build["COPY"][0], "go.mod go.sum ./") // their layer is cached
	expect(t, "base image", image["FROM"], []string{"scratch"})
	expect(t, "USER", image["USER"], []string{fmt.Sprintf("%d:%d", user, user)})
	expect(t, "ENTRYPOINT", entrypoint(t), []string{"/oauthgw", "--config.file=/etc/oauthgw/oauthgw.yaml"})
	var c config
	if err := yaml.Unmarshal(readFile(t, root+"/deploy/image.yaml"), &c); err != nil {
		t.Fatal(err)
	}
	expect(t, "listen", c.Listen, ":8080") // all interfaces
	expect(t, "admin.listen", c.Admin.Listen, "127.0.0.1:9180")
	expect(t, "EXPOSE", image["EXPOSE"], []string{"8080 9180"})
	provider := httptest.NewTLSServer(http.HandlerFunc(serveMetadata))
	defer provider.Close()

	// Free ports in place of those in the configuration.
	words := append(entrypoint(t), "--upstream.url="+provider.URL, "--listen=127.0.0.1:0", "--admin.listen=127.0.0.1:0")
	gateway := exec.CommandContext(t.Context(), words[0], words[1:]...)
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
	awaitReady(t, "http://"+line.Admin+"/-/ready")
	// The provider answers the last of these.
	for _, url := range []string{line.Admin + "/-/healthy", line.Admin + "/metrics", line.Listen + "/"} {
		if response, err := http.Get("http://" + url); err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("%s: %v %v", url, response, err)
		}
	}
	_ = gateway.Process.Signal(os.Interrupt) // without drain.delay
	for log.Decode(&line) == nil {           // up to the last line
	}
	if err := gateway.Wait(); err != nil || line.Msg != "stopped" {
		t.Errorf("the gateway stopped with %v after logging %q", err, line.Msg)
	}
}

// awaitReady waits until the gateway has fetched the metadata.
func awaitReady(t *testing.T, url string) {
	t.Helper()
	for range 100 {
		if response, err := http.Get(url); err == nil && response.StatusCode == http.StatusOK {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%s does not return 200", url)
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
