package deploy

import (
	"net/url"
	"slices"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// What holds for the ways to the pods of every shape, and for what counts them.
func TestWays(t *testing.T) {
	for name, rule := range map[string]func(*testing.T, manifests){
		"Service":             leadsToClientsPort,
		"NetworkPolicy":       letsInWhoHasTo,
		"NetworkPolicy's out": letsOutWhereItHasTo,
		"PodMonitor":          scrapesTheAdminPort,
		"Ingress":             leadsToTheService,
		"scaling":             scalesTheDeployment,
	} {
		for _, shape := range shapes {
			t.Run(name+"/"+shape, func(t *testing.T) { rule(t, readShape(t, shape)) })
		}
	}
}

func leadsToClientsPort(t *testing.T, m manifests) {
	spec := only[*corev1.Service](t, m.objects).Spec
	matches(t, m, "the Service", &metav1.LabelSelector{MatchLabels: spec.Selector})
	// A number, because named ports of native sidecars are not found everywhere.
	if len(spec.Ports) != 1 || spec.Ports[0].TargetPort != intstr.FromInt32(m.namedPort(t, "http")) {
		t.Errorf("the Service leads to %+v", spec.Ports)
	}
}

func letsInWhoHasTo(t *testing.T, m manifests) {
	spec := only[*networkingv1.NetworkPolicy](t, m.objects).Spec
	matches(t, m, "the NetworkPolicy", &spec.PodSelector)
	if !slices.Contains(spec.PolicyTypes, networkingv1.PolicyTypeIngress) {
		t.Error("everybody is let in")
	}
	var open []int32
	for _, rule := range spec.Ingress {
		if len(rule.From) == 0 {
			t.Error("a rule lets everybody in")
		}
		open = append(open, numbers(t, rule.Ports)...)
	}
	slices.Sort(open)
	want := []int32{m.namedPort(t, "http"), m.namedPort(t, "admin")}
	if !slices.Equal(open, want) {
		t.Errorf("open are %v, want %v", open, want)
	}
}

// numbers returns ports, of which each is one number.
func numbers(t *testing.T, ports []networkingv1.NetworkPolicyPort) []int32 {
	t.Helper()
	if len(ports) == 0 {
		t.Error("a rule opens every port")
	}
	var found []int32
	for _, port := range ports {
		if port.Port == nil || port.Port.Type != intstr.Int || port.EndPort != nil {
			t.Fatalf("the port %+v is not one number", port)
		}
		found = append(found, port.Port.IntVal)
	}
	return found
}

// A gateway on its own reaches names and its provider. In a sidecar's pod the
// application decides.
func letsOutWhereItHasTo(t *testing.T, m manifests) {
	spec := only[*networkingv1.NetworkPolicy](t, m.objects).Spec
	if limited := slices.Contains(spec.PolicyTypes, networkingv1.PolicyTypeEgress); limited != (m.shape == "ingress") {
		t.Errorf("limited where it may connect to: %v", limited)
	}
	if m.shape != "ingress" {
		return
	}
	var open []int32
	for _, rule := range spec.Egress {
		open = append(open, numbers(t, rule.Ports)...)
	}
	upstream, err := url.Parse(m.config.Upstream.URL)
	if err != nil || upstream.Scheme != "https" || upstream.Port() != "" {
		t.Fatalf("upstream.url is %s", upstream)
	}
	if !slices.Equal(open, []int32{53, 53, 443}) {
		t.Errorf("open to the outside are %v", open)
	}
}

func scrapesTheAdminPort(t *testing.T, m manifests) {
	spec := only[*monitoringv1.PodMonitor](t, m.objects).Spec
	matches(t, m, "the PodMonitor", &spec.Selector)
	if len(spec.PodMetricsEndpoints) != 1 {
		t.Fatalf("%d endpoints, want 1", len(spec.PodMetricsEndpoints))
	}
	endpoint := spec.PodMetricsEndpoints[0]
	if endpoint.Port == nil || m.namedPort(t, *endpoint.Port) != reachable(t, "admin.listen", m.config.Admin.Listen) || endpoint.Path != "/metrics" {
		t.Errorf("scraped is %+v", endpoint)
	}
}

func leadsToTheService(t *testing.T, m manifests) {
	service := only[*corev1.Service](t, m.objects)
	for _, ingress := range all[*networkingv1.Ingress](m.objects) {
		for _, rule := range ingress.Spec.Rules {
			if len(ingress.Spec.TLS) != 1 || !slices.Contains(ingress.Spec.TLS[0].Hosts, rule.Host) {
				t.Errorf("%s is reached without TLS", rule.Host)
			}
			for _, p := range rule.HTTP.Paths {
				if p.Path != "/" || p.Backend.Service.Name != service.Name || p.Backend.Service.Port.Name != service.Spec.Ports[0].Name {
					t.Errorf("%s%s leads to %+v", rule.Host, p.Path, p.Backend.Service)
				}
			}
		}
	}
}

func scalesTheDeployment(t *testing.T, m manifests) {
	deployment := only[*appsv1.Deployment](t, m.objects)
	for _, hpa := range all[*autoscalingv2.HorizontalPodAutoscaler](m.objects) {
		if ref := hpa.Spec.ScaleTargetRef; ref.Kind != "Deployment" || ref.Name != deployment.Name || ref.APIVersion != "apps/v1" {
			t.Errorf("scaled is %+v", ref)
		}
		if deployment.Spec.Replicas != nil {
			t.Error("the number of replicas would be set back by each rollout")
		}
		if hpa.Spec.MinReplicas == nil || *hpa.Spec.MinReplicas < 2 {
			t.Error("one pod that is moved leaves none")
		}
	}
	for _, pdb := range all[*policyv1.PodDisruptionBudget](m.objects) {
		matches(t, m, "the PodDisruptionBudget", pdb.Spec.Selector)
	}
}
