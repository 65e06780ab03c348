package deploy

import (
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// What holds for the pod of every shape.
func TestPods(t *testing.T) {
	for name, rule := range map[string]func(*testing.T, manifests){
		"hardened":                        hardened,
		"image has a tag":                 imageHasTag,
		"memory is bounded":               memoryIsBounded,
		"ports are those that it listens": portsAreListenedOn,
		"probes":                          probes,
		"configuration is mounted":        configurationIsMounted,
		"time to end":                     timeToEnd,
		"place in the pod":                placeInThePod,
		"spread":                          spread,
	} {
		for _, shape := range shapes {
			t.Run(name+"/"+shape, func(t *testing.T) { rule(t, readShape(t, shape)) })
		}
	}
}

func hardened(t *testing.T, m manifests) {
	if m.pod.AutomountServiceAccountToken == nil || *m.pod.AutomountServiceAccountToken {
		t.Error("the token of the service account is mounted")
	}
	if m.pod.HostNetwork || m.pod.HostPID || m.pod.HostIPC {
		t.Error("the pod shares namespaces of the node")
	}
	s := m.gateway.SecurityContext
	if s == nil {
		t.Fatal("no security context")
	}
	uid, gid := readImage(t).user(t)
	for what, holds := range map[string]bool{
		"runAsNonRoot":             isTrue(s.RunAsNonRoot),
		"the image's user":         s.RunAsUser != nil && *s.RunAsUser == int64(uid),
		"the image's group":        s.RunAsGroup != nil && *s.RunAsGroup == int64(gid),
		"readOnlyRootFilesystem":   isTrue(s.ReadOnlyRootFilesystem),
		"no privilege escalation":  s.AllowPrivilegeEscalation != nil && !*s.AllowPrivilegeEscalation,
		"not privileged":           !isTrue(s.Privileged),
		"no capabilities":          s.Capabilities != nil && len(s.Capabilities.Add) == 0 && slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}),
		"seccomp's RuntimeDefault": s.SeccompProfile != nil && s.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault,
	} {
		if !holds {
			t.Errorf("lacks: %s", what)
		}
	}
}

func isTrue(b *bool) bool { return b != nil && *b }

func imageHasTag(t *testing.T, m manifests) {
	for _, container := range slices.Concat(m.pod.InitContainers, m.pod.Containers) {
		_, tag, _ := strings.Cut(path.Base(container.Image), ":")
		if tag == "" || tag == "latest" {
			t.Errorf("%s: the image %s could be a different one tomorrow", container.Name, container.Image)
		}
	}
}

func memoryIsBounded(t *testing.T, m manifests) {
	r := m.gateway.Resources
	if r.Limits.Memory().IsZero() || r.Requests.Memory().IsZero() || r.Requests.Cpu().IsZero() {
		t.Errorf("resources are missing: %v", r)
	}
	for _, env := range m.gateway.Env {
		if env.Name != "GOMEMLIMIT" {
			continue
		}
		// Go writes MiB where Kubernetes writes Mi.
		soft, err := resource.ParseQuantity(strings.TrimSuffix(env.Value, "B"))
		if want := r.Limits.Memory().Value() * 9 / 10; err != nil || soft.Value() > want || soft.Value() < want-1<<20 {
			t.Errorf("GOMEMLIMIT is %q, which is not 90 %% of %s", env.Value, r.Limits.Memory())
		}
		return
	}
	t.Error("no GOMEMLIMIT")
}

func portsAreListenedOn(t *testing.T, m manifests) {
	for name, address := range map[string]string{"http": m.config.Listen, "admin": m.config.Admin.Listen} {
		port := reachable(t, name, address)
		if declared := m.namedPort(t, name); declared != port {
			t.Errorf("the port %s is %d, but %s is configured", name, declared, address)
		}
		if exposed := readImage(t).ports(t); !slices.Contains(exposed, port) {
			t.Errorf("the image exposes %v, not %d", exposed, port)
		}
	}
	if len(m.gateway.Ports) != 2 {
		t.Errorf("the container has %d ports, want 2", len(m.gateway.Ports))
	}
}

// That these paths are answered, the running image shows.
func probes(t *testing.T, m manifests) {
	admin := reachable(t, "admin.listen", m.config.Admin.Listen)
	for name, probe := range map[string]*corev1.Probe{
		"/-/healthy, at the start": m.gateway.StartupProbe,
		"/-/healthy":               m.gateway.LivenessProbe,
		"/-/ready":                 m.gateway.ReadinessProbe,
	} {
		want, _, _ := strings.Cut(name, ",")
		switch {
		case probe == nil || probe.HTTPGet == nil:
			t.Errorf("%s is not asked", name)
		case probe.HTTPGet.Path != want:
			t.Errorf("%s is asked instead of %s", probe.HTTPGet.Path, name)
		case m.namedPort(t, probe.HTTPGet.Port.StrVal) != admin:
			t.Errorf("%s is asked at port %s", name, &probe.HTTPGet.Port)
		}
	}
}

func configurationIsMounted(t *testing.T, m manifests) {
	configMap := only[*corev1.ConfigMap](t, m.objects)
	var mounts []string
	for _, volume := range m.pod.Volumes {
		if volume.ConfigMap == nil || volume.ConfigMap.Name != configMap.Name {
			continue
		}
		for _, mount := range m.gateway.VolumeMounts {
			if mount.Name != volume.Name {
				continue
			}
			if mount.SubPath != "" || !mount.ReadOnly {
				t.Error("a subPath never changes, and nothing is to be written")
			}
			for key := range configMap.Data {
				mounts = append(mounts, "--config.file="+path.Join(mount.MountPath, key))
			}
		}
	}
	if configMap.Name != "oauthgw" {
		t.Errorf("the ConfigMap is called %s: a change would take a rollout", configMap.Name)
	}
	if len(m.gateway.Command) > 0 || !slices.Equal(m.gateway.Args, mounts) {
		t.Errorf("started with %v %v, but mounted is %v", m.gateway.Command, m.gateway.Args, mounts)
	}
	if cmd := readImage(t).cmd; !slices.Equal(cmd, mounts) {
		t.Errorf("the image is started with %v, but mounted is %v", cmd, mounts)
	}
}

func timeToEnd(t *testing.T, m manifests) {
	delay := duration(t, m.config.Drain.Delay)
	needed := delay + duration(t, m.config.Drain.Timeout)
	for _, container := range m.pod.Containers {
		if container.Name == "oauthgw" {
			continue
		}
		if container.Lifecycle == nil || container.Lifecycle.PreStop == nil || container.Lifecycle.PreStop.Sleep == nil {
			t.Fatalf("%s ends before the gateway has drained", container.Name)
		}
		sleep := time.Duration(container.Lifecycle.PreStop.Sleep.Seconds) * time.Second
		if sleep <= delay {
			t.Errorf("%s stays for %v, the gateway answers for %v", container.Name, sleep, delay)
		}
		needed += sleep
	}
	grace := time.Duration(*m.pod.TerminationGracePeriodSeconds) * time.Second
	if grace <= needed {
		t.Errorf("killed after %v, but ending takes up to %v", grace, needed)
	}
}

func placeInThePod(t *testing.T, m manifests) {
	beside := len(m.pod.Containers) == 2 && len(m.pod.InitContainers) == 0 && m.gateway.RestartPolicy == nil
	alone := len(m.pod.Containers) == 1 && len(m.pod.InitContainers) == 0 && m.gateway.RestartPolicy == nil
	before := len(m.pod.Containers) == 1 && len(m.pod.InitContainers) == 1 && m.gateway.RestartPolicy != nil && *m.gateway.RestartPolicy == corev1.ContainerRestartPolicyAlways
	if !map[string]bool{"sidecar": beside, "native-sidecar": before, "ingress": alone}[m.shape] {
		t.Errorf("%d init containers, %d containers, restartPolicy %v", len(m.pod.InitContainers), len(m.pod.Containers), m.gateway.RestartPolicy)
	}
}

func spread(t *testing.T, m manifests) {
	if m.shape == "ingress" && len(m.pod.TopologySpreadConstraints) == 0 {
		t.Error("all replicas may share a node")
	}
	for _, constraint := range m.pod.TopologySpreadConstraints {
		matches(t, m, "topologySpreadConstraints", constraint.LabelSelector)
	}
	matches(t, m, "the Deployment", only[*appsv1.Deployment](t, m.objects).Spec.Selector)
}

// matches tells that a selector does not select the pods.
func matches(t *testing.T, m manifests, whose string, selector *metav1.LabelSelector) {
	t.Helper()
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	if s.Empty() || !s.Matches(labels.Set(m.labels)) {
		t.Errorf("the selector of %s, %s, does not select these pods, or everything", whose, s)
	}
}
