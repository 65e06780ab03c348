package deploy

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// manifests are what a shape renders to, in the pieces that the rules are about.
type manifests struct {
	shape   string
	objects []runtime.Object
	labels  map[string]string // of the pod
	pod     corev1.PodSpec
	gateway corev1.Container
	config  config
	text    string // of the configuration
}

// config is the part of the gateway's configuration that manifests depend on.
type config struct {
	Listen string `json:"listen"`
	Admin  struct {
		Listen string `json:"listen"`
	} `json:"admin"`
	Upstream struct {
		URL string `json:"url"`
	} `json:"upstream"`
	Drain struct {
		Delay   string `json:"delay"`
		Timeout string `json:"timeout"`
	} `json:"drain"`
}

// rendered holds what was rendered already, which takes a second each. Nothing
// changes it.
var rendered = map[string]manifests{}

// readShape returns the manifests of a shape.
func readShape(t *testing.T, shape string) manifests {
	t.Helper()
	if m, ok := rendered[shape]; ok {
		return m
	}
	objects := render(t, filesys.MakeFsOnDisk(), filepath.Join(kustomizing, shape))
	template := only[*appsv1.Deployment](t, objects).Spec.Template
	m := manifests{shape: shape, objects: objects, labels: template.Labels, pod: template.Spec}
	found := 0
	for _, containers := range [][]corev1.Container{m.pod.InitContainers, m.pod.Containers} {
		for _, container := range containers {
			if container.Name == "oauthgw" {
				m.gateway = container
				found++
			}
		}
	}
	if found != 1 {
		t.Fatalf("%s: there are %d containers with the name oauthgw", shape, found)
	}
	m.text = only[*corev1.ConfigMap](t, objects).Data["oauthgw.yaml"]
	m.config = readConfig(t, m.text)
	rendered[shape] = m
	return m
}

// readConfig reads a configuration over the defaults, which the example holds.
func readConfig(t *testing.T, text string) config {
	t.Helper()
	example, err := os.ReadFile(root + "/config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var c config
	for _, layer := range [][]byte{example, []byte(text)} {
		if err := yaml.Unmarshal(layer, &c); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// reachable returns the port of an address that others than the pod itself can
// reach.
func reachable(t *testing.T, key, address string) int32 {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
		t.Errorf("%s: %s is not reached from outside of the pod", key, address)
	}
	n, err := strconv.ParseInt(port, 10, 32)
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return int32(n)
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// namedPort returns the port of the gateway's container by its name.
func (m manifests) namedPort(t *testing.T, name string) int32 {
	t.Helper()
	for _, port := range m.gateway.Ports {
		if port.Name == name {
			return port.ContainerPort
		}
	}
	t.Fatalf("the container has no port with the name %q", name)
	return 0
}
