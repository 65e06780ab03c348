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
	"regexp"
	"strings"
	"testing"
	"time"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	serializer "k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const (
	root = "../.." // of the repository
	user = 65532   // runs the gateway in the image, and is its group
)

// manifests are the objects of one shape, and the parts of them that the checks look at.
type manifests struct {
	objects      []runtime.Object
	podLabels    map[string]string
	pod          corev1.PodSpec
	check        corev1.Container // the init container that checks the configuration
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
	TLS    struct {
		CertFile string `json:"cert_file"`
	}
}

func TestManifests(t *testing.T) {
	buildImage(t)
	for _, shape := range []struct {
		name, text, image string
		objects           int
	}{
		{"plain", string(readFile(t, root+"/deploy/kubernetes/oauthgw.yaml")), "registry.example.com/oauthgw:0.1.0", 4},
		// deploy/helm/check renders the chart with every object that it has.
		{"chart", string(readFile(t, root+"/.build/rendered/full.yaml")), "registry.example.com/oauthgw@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 10},
		{"native-sidecar", kustomize(t, "native-sidecar"), "registry.example.net/oauthgw:0.1.0", 3},
		{"sidecar", kustomize(t, "sidecar"), "registry.example.net/oauthgw:0.1.0", 3},
	} {
		t.Run(shape.name, func(t *testing.T) {
			m := decode(t, shape.text)
			expect(t, "objects", len(m.objects), shape.objects)
			expect(t, "image", []string{m.check.Image, m.gateway.Image}, []string{shape.image, shape.image})
			expect(t, "native sidecar", m.gateway.RestartPolicy != nil, shape.name == "native-sidecar")
			checkHardening(t, m)
			checkPorts(t, m)
			checkConfig(t, m)
			checkTermination(t, m)
			checkSelectors(t, m)
			checkNetworkPolicy(t, m)
		})
	}
}

// kustomize builds the kustomization in docs/install/kubernetes.md with one of the
// components.
func kustomize(t *testing.T, component string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir+"/oauthgw/deploy/kubernetes", os.DirFS(root+"/deploy/kubernetes")); err != nil {
		t.Fatal(err)
	}
	page := string(readFile(t, root+"/docs/install/kubernetes.md"))
	example := strings.Replace(codeBlock(t, page, "apiVersion: kustomize.config.k8s.io/"), "/native-sidecar]", "/"+component+"]", 1)
	writeFile(t, dir+"/kustomization.yaml", []byte(example))
	writeFile(t, dir+"/oauthgw.yaml", []byte(codeBlock(t, page, "listen: ")))
	writeFile(t, dir+"/coder.yaml", readFile(t, "testdata/coder.yaml"))
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := rendered.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// codeBlock returns the block of a page that begins with the text. It may be indented, as in
// a list.
func codeBlock(t *testing.T, page, start string) string {
	t.Helper()
	for _, m := range regexp.MustCompile("(?ms)^( *)```yaml\n(.*?)^ *```$").FindAllStringSubmatch(page, -1) {
		if text := strings.ReplaceAll("\n"+m[2], "\n"+m[1], "\n")[1:]; strings.HasPrefix(text, start) {
			return text
		}
	}
	t.Fatalf("there is no block that begins with %q", start)
	return ""
}

// decode decodes objects. As in strict validation by the API server, an unknown kind, an
// unknown field and a duplicate field are errors.
func decode(t *testing.T, text string) (m manifests) {
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
	decoder := serializer.NewSerializerWithOptions(serializer.DefaultMetaFactory, scheme, scheme, serializer.SerializerOptions{Yaml: true, Strict: true})
	for document := range strings.SplitSeq(strings.TrimPrefix(text, "---\n"), "\n---\n") {
		object, _, err := decoder.Decode([]byte(document), nil, nil)
		if err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		m.objects = append(m.objects, object)
	}
	template := only[*appsv1.Deployment](t, m).Spec.Template
	m.pod, m.podLabels = template.Spec, template.Labels
	for _, container := range append(m.pod.InitContainers, m.pod.Containers...) {
		switch {
		case container.Name == "oauthgw":
			m.gateway = container
		case strings.HasSuffix(container.Name, "check"):
			m.check = container
		case container.Lifecycle != nil:
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

func checkHardening(t *testing.T, m manifests) {
	for _, container := range []corev1.Container{m.check, m.gateway} {
		expect(t, "securityContext", container.SecurityContext, &corev1.SecurityContext{
			RunAsNonRoot:             new(true),
			RunAsUser:                new(int64(user)),
			RunAsGroup:               new(int64(user)),
			ReadOnlyRootFilesystem:   new(true),
			AllowPrivilegeEscalation: new(false),
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		})
	}
	expect(t, "automountServiceAccountToken", m.pod.AutomountServiceAccountToken, new(false))
	expect(t, "hostNetwork, hostPID and hostIPC", m.pod.HostNetwork || m.pod.HostPID || m.pod.HostIPC, false)
	memory := m.gateway.Resources.Limits.Memory().Value() >> 20
	expect(t, "GOMEMLIMIT", m.gateway.Env[0].Value, fmt.Sprintf("%dMiB", memory*9/10))
}

// checkPorts checks the ports and probes of the container against the configuration and the
// objects that refer to them. TestImage shows that the gateway answers these probes.
func checkPorts(t *testing.T, m manifests) {
	clients, admin := m.gateway.Ports[0], m.gateway.Ports[1]
	expect(t, "listen", m.config.Listen, fmt.Sprintf(":%d", clients.ContainerPort))
	expect(t, "admin.listen", m.config.Admin.Listen, fmt.Sprintf(":%d", admin.ContainerPort))
	probe := func(path string) corev1.ProbeHandler {
		return corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString(admin.Name)}}
	}
	expect(t, "startupProbe", m.gateway.StartupProbe.ProbeHandler, probe("/-/healthy"))
	expect(t, "livenessProbe", m.gateway.LivenessProbe.ProbeHandler, probe("/-/healthy"))
	expect(t, "readinessProbe", m.gateway.ReadinessProbe.ProbeHandler, probe("/-/ready"))
	for _, monitor := range all[*monitoringv1.PodMonitor](m) {
		expect(t, "podMetricsEndpoints", *monitor.Spec.PodMetricsEndpoints[0].Port, admin.Name)
	}
	service := only[*corev1.Service](t, m)
	if target := service.Spec.Ports[0].TargetPort; target.StrVal != clients.Name && target.IntVal != clients.ContainerPort {
		t.Errorf("the Service sends clients to %s", target.String())
	}
	for _, ingress := range all[*networkingv1.Ingress](m) {
		rule := ingress.Spec.Rules[0]
		expect(t, "hosts with TLS", ingress.Spec.TLS[0].Hosts, []string{rule.Host})
		expect(t, "backend", *rule.HTTP.Paths[0].Backend.Service, networkingv1.IngressServiceBackend{
			Name: service.Name, Port: networkingv1.ServiceBackendPort{Name: service.Spec.Ports[0].Name},
		})
	}
}

// checkConfig checks that the containers read the configuration of the ConfigMap, and that
// the command of the init container accepts it.
func checkConfig(t *testing.T, m manifests) {
	const file = "--config.file=/etc/oauthgw/oauthgw.yaml"
	expect(t, "command", append(m.gateway.Command, m.gateway.Args...), []string{"/oauthgw", "serve", file})
	expect(t, "command of the init container", append(m.check.Command, m.check.Args...), []string{"/oauthgw", "check", "--offline", file})
	mount := m.gateway.VolumeMounts[0]
	// The directory: a file mounted by subPath never changes.
	expect(t, "volumeMounts", mount, corev1.VolumeMount{Name: mount.Name, MountPath: "/etc/oauthgw", ReadOnly: true})
	for _, volume := range m.pod.Volumes {
		if volume.Name == mount.Name {
			expect(t, "ConfigMap", volume.ConfigMap.Name, only[*corev1.ConfigMap](t, m).Name)
		}
	}
	if m.config.TLS.CertFile != "" {
		return // its files are in Secrets
	}
	here := filepath.Join(t.TempDir(), "oauthgw.yaml")
	writeFile(t, here, []byte(m.configText))
	check := exec.CommandContext(t.Context(), builtGateway, "check", "--offline", "--config.file="+here)
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
}

// checkSelectors checks that every selector selects the pods of the Deployment.
func checkSelectors(t *testing.T, m manifests) {
	deployment := only[*appsv1.Deployment](t, m)
	selectors := []*metav1.LabelSelector{deployment.Spec.Selector, {MatchLabels: only[*corev1.Service](t, m).Spec.Selector}}
	for _, policy := range all[*networkingv1.NetworkPolicy](m) {
		selectors = append(selectors, &policy.Spec.PodSelector)
	}
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
		selects, err := metav1.LabelSelectorAsSelector(selector)
		if err != nil || selects.Empty() || !selects.Matches(labels.Set(m.podLabels)) {
			t.Errorf("selector %d, %s, does not select the pods: %v", n, selects, err)
		}
	}
	for _, scaler := range all[*autoscalingv2.HorizontalPodAutoscaler](m) {
		expect(t, "scaleTargetRef", scaler.Spec.ScaleTargetRef, autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: deployment.Name})
		expect(t, "replicas", deployment.Spec.Replicas, (*int32)(nil))
	}
}

// checkNetworkPolicy checks that one peer reaches each port of the gateway, and that the
// gateway does not reach every port.
func checkNetworkPolicy(t *testing.T, m manifests) {
	for _, policy := range all[*networkingv1.NetworkPolicy](m) {
		expect(t, "policyTypes", policy.Spec.PolicyTypes, []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress})
		var open []int32
		for _, rule := range policy.Spec.Ingress {
			expect(t, "peers", len(rule.From), 1)
			for _, port := range rule.Ports {
				open = append(open, port.Port.IntVal)
			}
		}
		expect(t, "open ports", open, []int32{m.gateway.Ports[0].ContainerPort, m.gateway.Ports[1].ContainerPort})
		for _, rule := range policy.Spec.Egress {
			expect(t, "egress to every port", len(rule.Ports) == 0, false)
		}
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
