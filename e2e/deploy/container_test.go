package deploy

import (
	"bufio"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const built = root + "/e2e/.build" // where e2e/run builds programs

// needRoot fails for everyone else: changing the root directory and the network
// takes root, and to skip that would say that it holds.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("must be root to change the root directory: run e2e/run as root, or sudo -E go test -C e2e/deploy ./...")
	}
}

// The image's files alone, in a directory that is otherwise empty, are enough for
// its user to run it as the Dockerfile says; and it writes nothing. A provider
// whose certificate the image's certificates vouch for is trusted.
func TestImageNeedsNothingElse(t *testing.T) {
	needRoot(t)
	image := readImage(t)
	image.build(t)
	provider, certificate := startProvider(t)
	dir := image.unpack(t, certificate)
	mount(t, dir, image.cmd, "upstream: {url: \""+provider+"\"}\n"+
		"listen: 127.0.0.1:0\nadmin: {listen: \"127.0.0.1:0\"}\ndrain: {delay: 0s}\n")
	before := listing(t, dir)

	gateway := image.start(t, dir)
	eventually(t, "ready", func() bool { return status(t, gateway.admin+"/-/ready") == http.StatusOK })
	exchange(t, gateway.clients)
	if metrics := get(t, gateway.admin+"/metrics"); !strings.Contains(metrics,
		`oauthgw_client_auth_total{endpoint="token",method="client_secret_basic",outcome="accepted"} 1`) {
		t.Errorf("the exchange was not counted:\n%s", metrics)
	}
	for _, path := range askedPaths(t) {
		if got := status(t, gateway.admin+path); got != http.StatusOK {
			t.Errorf("%s answers %d", path, got)
		}
	}
	gateway.terminate(t)
	if after := listing(t, dir); !maps.Equal(before, after) {
		t.Errorf("files changed:\n%v\n%v", before, after)
	}
}

// askedPaths returns the paths of the admin port that manifests name.
func askedPaths(t *testing.T) []string {
	t.Helper()
	paths := []string{"/metrics"}
	for _, shape := range shapes {
		g := readShape(t, shape).gateway
		for _, probe := range []*corev1.Probe{g.StartupProbe, g.LivenessProbe, g.ReadinessProbe} {
			paths = append(paths, probe.HTTPGet.Path)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// build carries out the build stage in the repository.
func (i image) build(t *testing.T) {
	t.Helper()
	for _, run := range i.runs {
		cmd := exec.Command("sh", "-c", run)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", run, err, out)
		}
	}
}

// unpack returns a directory with the image's files. What is not of the
// repository is taken from this system, which is a Debian as the build stage's.
// Everyone may write there, so that whatever wants to be written is.
func (i image) unpack(t *testing.T, certificate []byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "image")
	for place, source := range i.files {
		if inside, ok := strings.CutPrefix(source, i.workdir+"/"); ok {
			source = filepath.Join(root, inside)
		}
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(place, "/ca-certificates.crt") {
			text = append(text, certificate...)
		}
		write(t, filepath.Join(dir, place), text, 0o755)
	}
	return dir
}

// mount puts a configuration where the image's arguments want it.
func mount(t *testing.T, dir string, cmd []string, text string) {
	t.Helper()
	if len(cmd) != 1 {
		t.Fatalf("CMD is %v", cmd)
	}
	place, ok := strings.CutPrefix(cmd[0], "--config.file=")
	if !ok {
		t.Fatalf("CMD is %v", cmd)
	}
	write(t, filepath.Join(dir, place), []byte(text), 0o444)
	if err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		return os.Chmod(name, 0o777)
	}); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, name string, text []byte, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, text, mode); err != nil {
		t.Fatal(err)
	}
}

// listing sums up a directory. A file that came and went shows in the time of its
// directory.
func listing(t *testing.T, dir string) map[string]string {
	t.Helper()
	seen := map[string]string{}
	if err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			seen[strings.TrimPrefix(name, dir)] = fmt.Sprint(info.Mode(), info.Size(), info.ModTime())
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return seen
}

// container is the running gateway.
type container struct {
	clients, admin string
	cmd            *exec.Cmd
	log            *strings.Builder
	drained        chan struct{}
}

// start runs the image as its user in its directory.
func (i image) start(t *testing.T, dir string) container {
	t.Helper()
	uid, gid := i.user(t)
	line := slices.Concat(i.entrypoint, i.cmd)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Dir = "/"
	cmd.Env = append([]string{"GOMEMLIMIT=230MiB"}, i.env...) // as the manifests give it
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: dir, Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	c := container{cmd: cmd, log: &strings.Builder{}, drained: make(chan struct{})}
	lines := bufio.NewScanner(stderr)
	for c.admin == "" && lines.Scan() {
		fmt.Fprintln(c.log, lines.Text())
		var said struct{ Msg, Listen, Admin string }
		if json.Unmarshal(lines.Bytes(), &said) == nil && said.Msg == "listening" {
			c.clients, c.admin = "http://"+said.Listen, "http://"+said.Admin
		}
	}
	if c.admin == "" {
		t.Fatalf("did not start: %v\n%s", cmd.Wait(), c.log)
	}
	go func() {
		defer close(c.drained)
		for lines.Scan() {
			fmt.Fprintln(c.log, lines.Text())
		}
	}()
	return c
}

// terminate ends it as a kubelet does.
func (c container) terminate(t *testing.T) {
	t.Helper()
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-c.drained
	if err := c.cmd.Wait(); err != nil || !strings.Contains(c.log.String(), `"msg":"stopped"`) {
		t.Errorf("ended with %v\n%s", err, c.log)
	}
}

// startProvider starts the legacy provider behind TLS, and returns its origin and
// the certificate that vouches for it.
func startProvider(t *testing.T) (origin string, certificate []byte) {
	t.Helper()
	target := &url.URL{Scheme: "http"}
	front := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }})
	t.Cleanup(front.Close)
	cmd := exec.Command(filepath.Join(built, "legacyd"), "--public-url="+front.URL)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: e2e/run builds it", err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, target.Host, _ = strings.Cut(strings.TrimSpace(line), "http://")
	return front.URL, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("never %s", what)
}
