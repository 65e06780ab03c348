// Package deploy tests the Kubernetes manifests as the API server reads them, and
// runs the files of the image as a container runtime does.
package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	serializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const (
	root       = "../.." // of the repository
	kubernetes = root + "/deploy/kubernetes"
	user       = 65532 // runs the gateway in the image, and is its group
)

// manifests are the objects of one kustomization, and the parts of them that the
// checks look at.
type manifests struct {
	objects      []runtime.Object
	podLabels    map[string]string
	pod          corev1.PodSpec
	gateway      corev1.Container
	applications []corev1.Container // the other containers of the pod
	configText   string
	config       config
}

// config holds the configuration keys that have to agree with the manifests.
type config struct {
	Listen string
	Admin  struct{ Listen string }
	Drain  struct{ Delay, Timeout metav1.Duration }
}

func TestManifests(t *testing.T) {
	buildImage(t)
	for _, shape := range []struct {
		name, dir, image string
		objects          int
	}{
		{"sidecar", kubernetes + "/sidecar", "registry.example.com/oauthgw:your-tag", 5},
		{"native-sidecar", kubernetes + "/native-sidecar", "registry.example.com/oauthgw:your-tag", 5},
		{"ingress", kubernetes + "/ingress", "registry.example.com/oauthgw:your-tag", 8},
		{"README", readmeExample(t), "registry.example.net/platform/oauthgw:1.2.3", 7}, // no PodMonitor
	} {
		t.Run(shape.name, func(t *testing.T) {
			m := render(t, shape.dir)
			expect(t, "objects", len(m.objects), shape.objects)
			expect(t, "image", m.gateway.Image, shape.image)
			expect(t, "native sidecar", len(m.pod.InitContainers) == 1, shape.name == "native-sidecar")
			checkHardening(t, m)
			checkPorts(t, m)
			checkConfig(t, m)
			checkTermination(t, m)
			checkSelectors(t, m)
			checkNetworkPolicy(t, m)
		})
	}
}

// render builds a kustomization and decodes its objects. As in strict validation by
// the API server, an unknown kind, an unknown field and a duplicate field are errors.
func render(t *testing.T, dir string) (m manifests) {
	t.Helper()
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, autoscalingv2.AddToScheme, corev1.AddToScheme,
		networkingv1.AddToScheme, policyv1.AddToScheme, monitoringv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	decoder := serializer.NewSerializerWithOptions(serializer.DefaultMetaFactory, scheme, scheme, serializer.SerializerOptions{Yaml: true, Strict: true})
	for _, resource := range rendered.Resources() {
		object, _, err := decoder.Decode([]byte(resource.MustYaml()), nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", resource.CurId(), err)
		}
		m.objects = append(m.objects, object)
	}
	template := only[*appsv1.Deployment](t, m).Spec.Template
	m.pod, m.podLabels = template.Spec, template.Labels
	for _, container := range append(m.pod.InitContainers, m.pod.Containers...) {
		if container.Name == "oauthgw" {
			m.gateway = container
		} else {
			m.applications = append(m.applications, container)
		}
	}
	m.configText = only[*corev1.ConfigMap](t, m).Data["oauthgw.yaml"]
	// The example holds the default of each key.
	for _, text := range []string{string(readFile(t, root+"/config.example.yaml")), m.configText} {
		if err := yaml.Unmarshal([]byte(text), &m.config); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// readmeExample returns a directory with the kustomization of the README and the
// configuration of the ingress.
func readmeExample(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.CopyFS(dir+"/deploy/kubernetes", os.DirFS(kubernetes)); err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(readFile(t, kubernetes+"/README.md")), "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	writeFile(t, dir+"/kustomization.yaml", []byte(example))
	writeFile(t, dir+"/oauthgw.yaml", readFile(t, kubernetes+"/ingress/oauthgw.yaml"))
	return dir
}

func checkHardening(t *testing.T, m manifests) {
	expect(t, "securityContext", m.gateway.SecurityContext, &corev1.SecurityContext{
		RunAsNonRoot:             new(true),
		RunAsUser:                new(int64(user)),
		RunAsGroup:               new(int64(user)),
		ReadOnlyRootFilesystem:   new(true),
		AllowPrivilegeEscalation: new(false),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	})
	expect(t, "automountServiceAccountToken", m.pod.AutomountServiceAccountToken, new(false))
	expect(t, "hostNetwork, hostPID and hostIPC", m.pod.HostNetwork || m.pod.HostPID || m.pod.HostIPC, false)
}

// checkPorts checks the ports and probes of the container against the configuration,
// the Dockerfile, and the objects that refer to them. TestImage shows that the gateway
// answers these probes.
func checkPorts(t *testing.T, m manifests) {
	const clients, admin = 8080, 9180
	expect(t, "listen", m.config.Listen, fmt.Sprintf(":%d", clients))
	expect(t, "admin.listen", m.config.Admin.Listen, fmt.Sprintf(":%d", admin))
	expect(t, "EXPOSE", readDockerfile(t)["EXPOSE"], []string{fmt.Sprint(clients, admin)})
	expect(t, "ports", m.gateway.Ports, []corev1.ContainerPort{{Name: "http", ContainerPort: clients}, {Name: "admin", ContainerPort: admin}})
	probe := func(path string) corev1.ProbeHandler {
		return corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString("admin")}}
	}
	expect(t, "startupProbe", m.gateway.StartupProbe.ProbeHandler, probe("/-/healthy"))
	expect(t, "livenessProbe", m.gateway.LivenessProbe.ProbeHandler, probe("/-/healthy"))
	expect(t, "readinessProbe", m.gateway.ReadinessProbe.ProbeHandler, probe("/-/ready"))
	for _, monitor := range all[*monitoringv1.PodMonitor](m) {
		expect(t, "podMetricsEndpoints", monitor.Spec.PodMetricsEndpoints, []monitoringv1.PodMetricsEndpoint{{Port: new("admin"), Path: "/metrics"}})
	}
	service := only[*corev1.Service](t, m)
	// A number, because Kubernetes before 1.32 does not find named ports of native sidecars.
	expect(t, "targetPort", service.Spec.Ports[0].TargetPort, intstr.FromInt32(clients))
	for _, ingress := range all[*networkingv1.Ingress](m) {
		rule := ingress.Spec.Rules[0]
		expect(t, "hosts with TLS", ingress.Spec.TLS[0].Hosts, []string{rule.Host})
		expect(t, "backend", *rule.HTTP.Paths[0].Backend.Service, networkingv1.IngressServiceBackend{
			Name: service.Name, Port: networkingv1.ServiceBackendPort{Name: service.Spec.Ports[0].Name},
		})
	}
}

// checkConfig checks that the gateway reads the configuration of the ConfigMap, and
// that oauthgw check accepts it.
func checkConfig(t *testing.T, m manifests) {
	args := []string{"--config.file=/etc/oauthgw/oauthgw.yaml"}
	expect(t, "args", append(m.gateway.Command, m.gateway.Args...), args)
	expect(t, "CMD", readDockerfile(t)["CMD"], []string{fmt.Sprintf("[%q]", args[0])})
	// The directory: a file mounted by subPath never changes.
	expect(t, "volumeMounts", m.gateway.VolumeMounts, []corev1.VolumeMount{{Name: "oauthgw", MountPath: "/etc/oauthgw", ReadOnly: true}})
	expect(t, "volumes", m.pod.Volumes[0].ConfigMap.Name, only[*corev1.ConfigMap](t, m).Name)

	file := filepath.Join(t.TempDir(), "oauthgw.yaml")
	writeFile(t, file, []byte(m.configText))
	check := exec.CommandContext(t.Context(), builtGateway, "check", "--offline", "--config.file="+file)
	// A network namespace of its own, because the providers in the manifests are examples.
	check.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("oauthgw check: %v\n%s", err, out)
	}
}

// checkTermination checks that the application stays until the gateway accepts no
// more requests, and that the pod is not killed while the gateway drains.
func checkTermination(t *testing.T, m manifests) {
	delay := m.config.Drain.Delay.Duration
	needed := delay + m.config.Drain.Timeout.Duration
	for _, application := range m.applications {
		sleep := time.Duration(application.Lifecycle.PreStop.Sleep.Seconds) * time.Second
		if sleep <= delay {
			t.Errorf("%s stops after %v, but drain.delay is %v", application.Name, sleep, delay)
		}
		needed += sleep
	}
	if grace := time.Duration(*m.pod.TerminationGracePeriodSeconds) * time.Second; grace <= needed {
		t.Errorf("terminationGracePeriodSeconds is %v, but stopping takes up to %v", grace, needed)
	}
	for _, native := range m.pod.InitContainers {
		expect(t, "restartPolicy", native.RestartPolicy, new(corev1.ContainerRestartPolicyAlways))
	}
}

// checkSelectors checks that every selector selects the pods of the Deployment.
func checkSelectors(t *testing.T, m manifests) {
	expect(t, "selector of the Service", only[*corev1.Service](t, m).Spec.Selector, m.podLabels)
	selectors := []*metav1.LabelSelector{only[*appsv1.Deployment](t, m).Spec.Selector, &only[*networkingv1.NetworkPolicy](t, m).Spec.PodSelector}
	for _, monitor := range all[*monitoringv1.PodMonitor](m) {
		selectors = append(selectors, &monitor.Spec.Selector)
	}
	for _, budget := range all[*policyv1.PodDisruptionBudget](m) {
		selectors = append(selectors, budget.Spec.Selector)
	}
	for _, constraint := range m.pod.TopologySpreadConstraints {
		selectors = append(selectors, constraint.LabelSelector)
	}
	for n, selector := range selectors {
		expect(t, fmt.Sprintf("selector %d", n), selector, &metav1.LabelSelector{MatchLabels: m.podLabels})
	}
	for _, scaler := range all[*autoscalingv2.HorizontalPodAutoscaler](m) {
		expect(t, "scaleTargetRef", scaler.Spec.ScaleTargetRef, autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "oauthgw"})
	}
}

// checkNetworkPolicy checks that one peer reaches each port of the gateway. Next to an
// application, only the application knows what the pod connects to.
func checkNetworkPolicy(t *testing.T, m manifests) {
	policy := only[*networkingv1.NetworkPolicy](t, m).Spec
	types := []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
	if len(m.applications) == 0 {
		types = append(types, networkingv1.PolicyTypeEgress)
	}
	expect(t, "policyTypes", policy.PolicyTypes, types)
	var open []int32
	for _, rule := range policy.Ingress {
		expect(t, "peers", len(rule.From), 1)
		for _, port := range rule.Ports {
			open = append(open, port.Port.IntVal)
		}
	}
	expect(t, "open ports", open, []int32{m.gateway.Ports[0].ContainerPort, m.gateway.Ports[1].ContainerPort})
	for _, rule := range policy.Egress {
		expect(t, "egress to every port", len(rule.Ports) == 0, false)
	}
}

// all returns the objects of one kind.
func all[T runtime.Object](m manifests) (found []T) {
	for _, object := range m.objects {
		if o, ok := object.(T); ok {
			found = append(found, o)
		}
	}
	return found
}

// only returns the single object of its kind.
func only[T runtime.Object](t *testing.T, m manifests) T {
	t.Helper()
	found := all[T](m)
	if len(found) != 1 {
		t.Fatalf("there are %d of %T, want 1", len(found), *new(T))
	}
	return found[0]
}

func expect(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		gotText, _ := json.Marshal(got)
		wantText, _ := json.Marshal(want)
		t.Errorf("%s: got %s, want %s", what, gotText, wantText)
	}
}
