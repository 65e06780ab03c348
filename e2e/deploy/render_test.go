// Package deploy tests what deploy/ offers: the Kubernetes manifests as the API
// server would read them, and the image as a container would run it.
package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

const (
	root        = "../.." // of the repository
	kustomizing = root + "/deploy/kubernetes"
)

var shapes = []string{"sidecar", "native-sidecar", "ingress"}

// render returns the objects of a kustomization. A field or a kind that the API
// does not know is an error, and so is a field that stands there twice.
func render(t *testing.T, fs filesys.FileSystem, dir string) []runtime.Object {
	t.Helper()
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(fs, dir)
	if err != nil {
		t.Fatal(err)
	}
	decoder := strictDecoder(t)
	var objects []runtime.Object
	for _, resource := range rendered.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		object, _, err := decoder.Decode(text, nil, nil)
		if err != nil {
			t.Fatalf("%s: %v\n%s", resource.CurId(), err, text)
		}
		objects = append(objects, object)
	}
	return objects
}

func strictDecoder(t *testing.T) runtime.Decoder {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, autoscalingv2.AddToScheme, corev1.AddToScheme,
		networkingv1.AddToScheme, policyv1.AddToScheme, monitoringv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return json.NewSerializerWithOptions(json.DefaultMetaFactory, scheme, scheme, json.SerializerOptions{Yaml: true, Strict: true})
}

// all returns the objects of one kind.
func all[T runtime.Object](objects []runtime.Object) []T {
	var found []T
	for _, object := range objects {
		if o, ok := object.(T); ok {
			found = append(found, o)
		}
	}
	return found
}

// only returns the one object of its kind.
func only[T runtime.Object](t *testing.T, objects []runtime.Object) T {
	t.Helper()
	found := all[T](objects)
	if len(found) != 1 {
		t.Fatalf("there are %d of %T, want 1", len(found), *new(T))
	}
	return found[0]
}

// Each shape has the kinds that it promises.
func TestShapesAreWhole(t *testing.T) {
	common := []string{"ConfigMap", "Deployment", "NetworkPolicy", "PodMonitor", "Service"}
	for _, shape := range shapes {
		want := map[string]bool{}
		for _, kind := range common {
			want[kind] = true
		}
		if shape == "ingress" {
			want["HorizontalPodAutoscaler"], want["Ingress"], want["PodDisruptionBudget"] = true, true, true
		}
		for _, object := range readShape(t, shape).objects {
			kind := object.GetObjectKind().GroupVersionKind().Kind
			if !want[kind] {
				t.Errorf("%s: one %s too many", shape, kind)
			}
			delete(want, kind)
		}
		for kind := range want {
			t.Errorf("%s: no %s", shape, kind)
		}
	}
}

// The kustomization in the README renders, and does what it is there for.
func TestKustomizationOfREADME(t *testing.T) {
	fs := filesys.MakeFsInMemory()
	if err := filepath.WalkDir(kustomizing, func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return fs.WriteFile(filepath.Join("/deploy/kubernetes", strings.TrimPrefix(name, kustomizing)), text)
	}); err != nil {
		t.Fatal(err)
	}
	readme, err := fs.ReadFile("/deploy/kubernetes/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(readme), "```yaml\n")
	block, _, _ = strings.Cut(block, "```")
	const mine = "upstream: {url: \"https://login.internal.example.net\"}\n"
	for name, text := range map[string]string{"/kustomization.yaml": block, "/oauthgw.yaml": mine} {
		if err := fs.WriteFile(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	objects := render(t, fs, "/")
	if found := all[*monitoringv1.PodMonitor](objects); len(found) != 0 {
		t.Error("the PodMonitor is still there")
	}
	config := only[*corev1.ConfigMap](t, objects)
	if config.Name != "oauthgw" || config.Data["oauthgw.yaml"] != mine {
		t.Errorf("the ConfigMap is %s: %q", config.Name, config.Data)
	}
	pod := only[*appsv1.Deployment](t, objects).Spec.Template.Spec
	if image := pod.Containers[0].Image; image != "registry.example.net/platform/oauthgw:1.2.3" {
		t.Errorf("the image is %s", image)
	}
}
