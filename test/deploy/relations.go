package deploy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
)

// A rendered chart, and what is wrong with it.
type release struct {
	problems []string
	workload metav1.Object
	pod      corev1.PodTemplateSpec
	claims   []string
	services map[string]*corev1.Service
	accounts []string
}

// inspect finds the workload, and what other objects name.
func inspect(objects []metav1.Object) *release {
	found := &release{services: map[string]*corev1.Service{}}
	for _, object := range objects {
		switch it := object.(type) {
		case *appsv1.StatefulSet:
			found.workload, found.pod = it, it.Spec.Template
			for _, claim := range it.Spec.VolumeClaimTemplates {
				found.claims = append(found.claims, claim.Name)
			}
		case *appsv1.Deployment:
			found.workload, found.pod = it, it.Spec.Template
		case *corev1.Service:
			found.services[it.Name] = it
		case *corev1.ServiceAccount:
			found.accounts = append(found.accounts, it.Name)
		}
	}
	return found
}

// problemsOf says what Kubernetes would refuse, or what would not find what it names.
// outside has the names of secrets, claims and accounts that exist already.
func problemsOf(objects []metav1.Object, outside []string) []string {
	it := inspect(objects)
	if it.workload == nil {
		return []string{"there is no workload"}
	}
	it.accounts = append(it.accounts, outside...)
	seen := map[string]bool{}
	for _, object := range objects {
		it.expect(!seen[nameOf(object)], "%s twice", nameOf(object))
		seen[nameOf(object)] = true
		it.checkNames(object)
		it.checkObject(object, outside)
	}
	it.checkPod(&it.pod.Spec, append(it.claims, outside...), outside)
	return it.problems
}

func (it *release) expect(holds bool, format string, parts ...any) {
	if !holds {
		it.problems = append(it.problems, fmt.Sprintf(format, parts...))
	}
}

func (it *release) checkNames(object metav1.Object) {
	for _, problem := range validation.IsDNS1035Label(object.GetName()) {
		it.expect(false, "%s: %s", nameOf(object), problem)
	}
	for key, value := range object.GetLabels() {
		problems := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...)
		it.expect(len(problems) == 0, "%s: label %s=%s: %v", nameOf(object), key, value, problems)
	}
}

func (it *release) checkObject(object metav1.Object, outside []string) {
	name := nameOf(object)
	switch typed := object.(type) {
	case *appsv1.StatefulSet:
		it.selectsPods(name, typed.Spec.Selector)
		it.expect(*typed.Spec.Replicas == 1, "%s has %d writers of one SQLite", name, *typed.Spec.Replicas)
		it.expect(it.services[typed.Spec.ServiceName] != nil, "%s: no service %s", name, typed.Spec.ServiceName)
	case *appsv1.Deployment:
		it.selectsPods(name, typed.Spec.Selector)
		rolling := typed.Spec.Strategy.RollingUpdate
		it.expect(rolling != nil && rolling.MaxUnavailable.IntValue() == 0, "%s stops servers before others serve", name)
		for _, volume := range it.pod.Spec.Volumes {
			it.expect(volume.PersistentVolumeClaim == nil, "%s shares a claim", name)
		}
	case *corev1.Service:
		it.selectsPods(name, &metav1.LabelSelector{MatchLabels: typed.Spec.Selector})
		for _, port := range typed.Spec.Ports {
			it.expect(it.hasPort(port.TargetPort.StrVal), "%s: no port %s", name, port.TargetPort.StrVal)
		}
	case *policyv1.PodDisruptionBudget:
		it.selectsPods(name, typed.Spec.Selector)
	case *networkingv1.NetworkPolicy:
		it.selectsPods(name, &typed.Spec.PodSelector)
		it.checkPolicy(name, typed)
	case *networkingv1.Ingress:
		it.checkIngress(name, typed, outside)
	case *monitoringv1.ServiceMonitor:
		it.checkMonitor(name, typed)
	case *corev1.Pod:
		own := labels.Set(typed.Labels)
		for _, service := range it.services {
			it.expect(!labels.SelectorFromSet(service.Spec.Selector).Matches(own), "%s would serve %s", name, service.Name)
		}
		it.checkPod(&typed.Spec, nil, outside)
	}
}

// An empty selector selects every pod of the namespace.
func (it *release) selectsPods(name string, selector *metav1.LabelSelector) {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	it.expect(err == nil && !parsed.Empty() && parsed.Matches(labels.Set(it.pod.Labels)), "%s selects no server, or too much", name)
}

func (it *release) hasPort(name string) bool {
	return slices.ContainsFunc(it.pod.Spec.Containers, func(container corev1.Container) bool {
		return slices.ContainsFunc(container.Ports, func(port corev1.ContainerPort) bool { return port.Name == name })
	})
}

func (it *release) checkPolicy(name string, policy *networkingv1.NetworkPolicy) {
	open := map[string]bool{}
	for _, rule := range policy.Spec.Ingress {
		for _, port := range rule.Ports {
			open[port.Port.StrVal] = true
			it.expect(it.hasPort(port.Port.StrVal), "%s: no port %s", name, port.Port)
		}
	}
	for _, container := range it.pod.Spec.Containers {
		for _, port := range container.Ports {
			it.expect(open[port.Name], "%s closes %s", name, port.Name)
		}
	}
	for _, rule := range policy.Spec.Egress {
		it.expect(len(rule.Ports) > 0, "%s lets servers connect to every port", name)
	}
}

func (it *release) checkIngress(name string, ingress *networkingv1.Ingress, outside []string) {
	for _, rule := range ingress.Spec.Rules {
		for _, problem := range validation.IsDNS1123Subdomain(rule.Host) {
			it.expect(false, "%s: host %q: %s", name, rule.Host, problem)
		}
		for _, path := range rule.HTTP.Paths {
			backend := path.Backend.Service
			it.expect(it.hasServicePort(backend.Name, backend.Port.Name), "%s: no port %s of %s", name, backend.Port.Name, backend.Name)
		}
	}
	for _, tls := range ingress.Spec.TLS {
		it.expect(slices.Contains(outside, tls.SecretName), "%s: no secret %s", name, tls.SecretName)
	}
}

func (it *release) hasServicePort(service, port string) bool {
	found := it.services[service]
	return found != nil && slices.ContainsFunc(found.Spec.Ports, func(has corev1.ServicePort) bool { return has.Name == port })
}

func (it *release) checkMonitor(name string, monitor *monitoringv1.ServiceMonitor) {
	selector, err := metav1.LabelSelectorAsSelector(&monitor.Spec.Selector)
	it.expect(err == nil, "%s: %v", name, err)
	selected := slices.DeleteFunc(slices.Collect(maps.Values(it.services)), func(service *corev1.Service) bool {
		return !selector.Matches(labels.Set(service.Labels))
	})
	it.expect(len(selected) == 1, "%s selects %d services", name, len(selected))
	for _, service := range selected {
		it.expect(service.Labels[monitor.Spec.JobLabel] != "", "%s: %s has no label %s", name, service.Name, monitor.Spec.JobLabel)
		for _, endpoint := range monitor.Spec.Endpoints {
			it.expect(it.hasServicePort(service.Name, endpoint.Port), "%s: no port %s of %s", name, endpoint.Port, service.Name)
		}
	}
}

func (it *release) checkPod(pod *corev1.PodSpec, claims, outside []string) {
	it.expect(pod.EnableServiceLinks != nil && !*pod.EnableServiceLinks, "variables of services reach the server, as if they were settings")
	it.expect(pod.AutomountServiceAccountToken != nil && !*pod.AutomountServiceAccountToken, "the token of the account is mounted")
	account := pod.ServiceAccountName
	it.expect(account == "" || account == "default" || slices.Contains(it.accounts, account), "no service account %s", account)
	security := pod.SecurityContext
	it.expect(security != nil && isTrue(security.RunAsNonRoot) && security.RunAsUser != nil && *security.RunAsUser > 0, "runs as root")
	it.expect(security != nil && security.SeccompProfile != nil && security.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault, "no seccomp")
	volumes := map[string]bool{}
	for _, claim := range claims {
		volumes[claim] = true
	}
	for _, volume := range pod.Volumes {
		volumes[volume.Name] = true
		if volume.Secret != nil {
			it.expect(slices.Contains(outside, volume.Secret.SecretName), "no secret %s", volume.Secret.SecretName)
		}
		if claim := volume.PersistentVolumeClaim; claim != nil {
			it.expect(slices.Contains(outside, claim.ClaimName), "no claim %s", claim.ClaimName)
		}
	}
	for _, container := range pod.Containers {
		it.checkContainer(&container, volumes, outside)
	}
}

func (it *release) checkContainer(container *corev1.Container, volumes map[string]bool, outside []string) {
	security := container.SecurityContext
	it.expect(security != nil && isTrue(security.ReadOnlyRootFilesystem), "%s can write to its image", container.Name)
	it.expect(security != nil && security.AllowPrivilegeEscalation != nil && !*security.AllowPrivilegeEscalation, "%s may gain rights", container.Name)
	it.expect(security != nil && security.Capabilities != nil && slices.Contains(security.Capabilities.Drop, "ALL"), "%s has capabilities", container.Name)
	it.expect(!container.Resources.Limits.Memory().IsZero(), "%s has no limit of memory", container.Name)
	it.expect(strings.Count(container.Image, ":") >= 1 && !strings.HasSuffix(container.Image, ":"), "image %q", container.Image)
	paths := map[string]bool{}
	for _, mount := range container.VolumeMounts {
		it.expect(volumes[mount.Name], "no volume %s", mount.Name)
		it.expect(!paths[mount.MountPath], "%s is mounted twice", mount.MountPath)
		paths[mount.MountPath] = true
	}
	names := map[string]bool{}
	for _, variable := range container.Env {
		it.expect(!names[variable.Name], "%s is set twice", variable.Name)
		names[variable.Name] = true
		if variable.ValueFrom == nil {
			it.expect(variable.Value != "", "%s is empty", variable.Name)
			continue
		}
		secret := variable.ValueFrom.SecretKeyRef
		it.expect(secret != nil && slices.Contains(outside, secret.Name), "%s: its secret does not exist", variable.Name)
	}
	for _, probe := range []*corev1.Probe{container.StartupProbe, container.LivenessProbe, container.ReadinessProbe} {
		if probe == nil {
			it.expect(container.Name != "entrepot", "%s lacks a probe", container.Name)
			continue
		}
		it.expect(probe.HTTPGet != nil && probe.HTTPGet.Port.Type == intstr.String && it.hasPort(probe.HTTPGet.Port.StrVal), "%s: a probe has no port", container.Name)
		hasTLS := names["ENTREPOT_TLS_CERT"]
		it.expect((probe.HTTPGet.Scheme == corev1.URISchemeHTTPS) == hasTLS, "a probe asks by %s", probe.HTTPGet.Scheme)
	}
}

func isTrue(flag *bool) bool {
	return flag != nil && *flag
}
