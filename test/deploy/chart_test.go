package deploy

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	corev1 "k8s.io/api/core/v1"
)

// What values name as being there already.
var outside = []string{"credentials", "web-tls", "grpc-tls", "server-tls", "kept", "builder"}

// A choice of values, and what it is called in a failure.
type choice struct {
	name  string
	given values
}

// Every dimension is combined with every other.
var dimensions = [][]choice{
	{
		{"single", values{"mode": "single"}},
		{"cluster", values{"mode": "cluster", "replicas": 3}},
	},
	{
		{"no bucket", values{}},
		{"bucket", values{"s3": values{"bucket": "files", "endpoint": "https://s3.example", "region": "eu-1", "prefix": "a/"}}},
	},
	{
		{"no secret", values{}},
		{"secret", values{"existingSecret": "credentials"}},
	},
	{
		{"no address", values{}},
		{"address", values{"publicUrl": "https://files.example.com"}},
		{"path", values{"publicUrl": "https://example.com/files"}},
	},
	{
		{"new claim", values{"persistence": values{"storageClass": "fast", "accessMode": "ReadWriteOncePod"}}},
		{"kept claim", values{"persistence": values{"existingClaim": "kept"}}},
	},
	{
		{"gRPC", values{}},
		{"no gRPC", values{"grpc": values{"enabled": false}}},
	},
	{
		{"plain", values{}},
		{"TLS", values{"tls": values{"existingSecret": "server-tls"}}},
	},
	{
		{"metrics", values{}},
		{"no metrics", values{"metrics": values{"enabled": false}}},
		{"all monitoring", values{"metrics": values{
			"serviceMonitor": values{"enabled": true, "labels": values{"release": "prometheus"}},
			"prometheusRule": values{"enabled": true},
			"dashboard":      values{"enabled": true},
		}}},
	},
	{
		{"no ingress", values{}},
		{"ingress", values{"ingress": values{"enabled": true}}},
		{"both ingresses", values{"ingress": values{
			"enabled": true, "className": "caddy", "annotations": values{"a.example/b": "c"},
			"tlsSecret": "web-tls", "grpcHost": "grpc.example.com", "grpcTlsSecret": "grpc-tls",
		}}},
	},
	{
		{"open network", values{}},
		{"policy", values{"networkPolicy": values{"enabled": true, "from": []any{
			map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"edge": "yes"}}},
		}}}},
	},
	{
		{"own account", values{"serviceAccount": values{"annotations": values{"cloud.example/role": "files"}}}},
		{"given account", values{
			"serviceAccount": values{"create": false, "name": "builder"},
			"image":          values{"digest": "sha256:" + strings.Repeat("0a", 32)},
			"env":            values{"ENTREPOT_RATE_LIMITS": "50", "ENTREPOT_HOST": "::", "OTEL_SERVICE_NAME": "files"},
			"podLabels":      values{"team": "files"},
			"podAnnotations": values{"a.example/b": "c"},
			"nodeSelector":   values{"disk": "ssd"},
			"tolerations":    []any{map[string]any{"key": "files", "operator": "Exists"}},
		}},
	},
}

// Whether a combination is refused; said once more, independently of the chart.
func isImpossible(names map[string]bool) bool {
	return names["cluster"] && (names["no bucket"] || names["no secret"] || names["no address"] || names["kept claim"]) ||
		(names["ingress"] || names["both ingresses"]) && (names["no address"] || names["path"]) ||
		names["both ingresses"] && names["no gRPC"]
}

func combinations(visit func(chosen []choice)) {
	chosen := make([]choice, len(dimensions))
	var choose func(at int)
	choose = func(at int) {
		if at == len(dimensions) {
			visit(chosen)
			return
		}
		for _, option := range dimensions[at] {
			chosen[at] = option
			choose(at + 1)
		}
	}
	choose(0)
}

func TestEveryCombinationIsRefusedOrRight(t *testing.T) {
	source, err := loadChart(nil)
	if err != nil {
		t.Fatal(err)
	}
	known := strings.Fields(os.Getenv("ENTREPOT_TEST_SETTINGS"))
	var made, refused int
	combinations(func(chosen []choice) {
		given, names := values{}, map[string]bool{}
		for _, option := range chosen {
			maps.Copy(given, option.given)
			names[option.name] = true
		}
		title := fmt.Sprint(slices.Sorted(maps.Keys(names)))
		rendered, err := render(source, given)
		if isImpossible(names) {
			refused++
			if err == nil || !isOneSentence(err) {
				t.Errorf("%s: not refused in a sentence: %v", title, err)
			}
			return
		}
		if err != nil {
			t.Errorf("%s: %v", title, err)
			return
		}
		made++
		objects, err := decode(rendered)
		if err != nil {
			t.Errorf("%s: %v", title, err)
			return
		}
		for _, problem := range append(problemsOf(objects, outside), unknownSettings(inspect(objects).pod, known)...) {
			t.Errorf("%s: %s", title, problem)
		}
	})
	t.Logf("%d combinations rendered and decoded, %d refused", made, refused)
}

// unknownSettings names variables that would stop a start.
func unknownSettings(pod corev1.PodTemplateSpec, known []string) (problems []string) {
	for _, container := range pod.Spec.Containers {
		for _, variable := range container.Env {
			name, isOurs := strings.CutPrefix(variable.Name, "ENTREPOT_")
			if isOurs && len(known) > 0 && !slices.Contains(known, name) {
				problems = append(problems, variable.Name+" is no setting")
			}
		}
	}
	return problems
}

func isOneSentence(err error) bool {
	message := sentenceOf(err)
	return strings.HasSuffix(message, ".") && !strings.Contains(message, "\n")
}

// What `fail` was called with; helm puts the place in front of it.
func sentenceOf(err error) string {
	_, sentence, _ := strings.Cut(err.Error(), "): ")
	return strings.TrimSpace(sentence)
}

func TestImpossibleValuesAreRefusedInOneSentence(t *testing.T) {
	cluster := func(more values) values {
		whole := values{"mode": "cluster", "existingSecret": "credentials", "publicUrl": "https://files.example.com", "s3": values{"bucket": "files"}}
		maps.Copy(whole, more)
		return whole
	}
	for _, it := range []struct {
		given    values
		sentence string
	}{
		{cluster(values{"existingSecret": ""}), "mode cluster needs existingSecret, a Secret with ENTREPOT_DATABASE_URL."},
		{cluster(values{"s3": values{}}), "mode cluster needs s3.bucket: its servers share no volume."},
		{cluster(values{"publicUrl": ""}), "mode cluster needs publicUrl, the address of the balancer or ingress."},
		{values{"replicas": 2}, "mode single has one server, since SQLite has one writer; use mode cluster for more replicas."},
		{values{"s3": values{"endpoint": "https://s3.example"}}, "s3.endpoint needs s3.bucket."},
		{cluster(values{"persistence": values{"existingClaim": "kept"}}), "persistence.existingClaim is for mode single: the servers of mode cluster keep nothing."},
		{values{"metrics": values{"enabled": false, "serviceMonitor": values{"enabled": true}}}, "metrics.serviceMonitor.enabled needs metrics.enabled."},
		{values{"metrics": values{"enabled": false, "dashboard": values{"enabled": true}}}, "metrics.dashboard.enabled needs metrics.enabled."},
		{values{"ingress": values{"enabled": true}}, "ingress.enabled needs publicUrl: its host is that of the ingress."},
		{values{"publicUrl": "https://example.com/files", "ingress": values{"enabled": true}}, "publicUrl has a path, which the ingress would not strip; use a host of its own, or a gateway that strips it."},
		{values{"publicUrl": "https://example.com", "grpc": values{"enabled": false}, "ingress": values{"enabled": true, "grpcHost": "grpc.example.com"}}, "ingress.grpcHost needs grpc.enabled."},
		{values{"ingress": values{"grpcHost": "grpc.example.com"}}, "ingress.grpcHost needs ingress.enabled."},
		{values{"env": values{"ENTREPOT_DATABASE_URL": "postgres://u:p@h/d"}}, "ENTREPOT_DATABASE_URL is secret: put it into existingSecret, not into env."},
		{values{"env": values{"AWS_SECRET_ACCESS_KEY": "s"}}, "AWS_SECRET_ACCESS_KEY is secret: put it into existingSecret, not into env."},
		{values{"env": values{"ENTREPOT_PORT": "1"}}, "ENTREPOT_PORT has a value of the chart; use that, not env."},
		{values{"env": values{"ENTREPOT_S3_BUCKET": "b"}}, "ENTREPOT_S3_BUCKET has a value of the chart; use that, not env."},
	} {
		source, err := loadChart(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := render(source, it.given); err == nil || sentenceOf(err) != it.sentence {
			t.Errorf("%v: %v", it.given, err)
		}
	}
}

func TestTheSchemaRefusesTyposAndWrongTypes(t *testing.T) {
	for path, given := range map[string]values{
		"persistance":                   {"persistance": values{}},
		"/mode":                         {"mode": "ha"},
		"/env/ENTREPOT_MEMORY_BYTES":    {"env": values{"ENTREPOT_MEMORY_BYTES": 402653184}},
		"/terminationGracePeriodSecond": {"terminationGracePeriodSeconds": 30},
		"/persistence/accessMode":       {"persistence": values{"accessMode": "ReadWriteMany"}},
		"/publicUrl":                    {"publicUrl": "files.example.com"},
		"/replicas":                     {"replicas": 0},
	} {
		source, err := loadChart(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := render(source, given); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%v: %v", given, err)
		}
	}
}

func TestTheChartPassesHelmsLint(t *testing.T) {
	for _, given := range []values{{}, clusterValues} {
		for _, message := range lint.RunAll(chartDir, given, namespace).Messages {
			if message.Severity > support.InfoSev {
				t.Error(message)
			}
		}
	}
}

var clusterValues = values{
	"mode": "cluster", "existingSecret": "credentials", "publicUrl": "https://files.example.com",
	"s3":            values{"bucket": "files", "endpoint": "https://s3.example"},
	"metrics":       values{"serviceMonitor": values{"enabled": true}},
	"ingress":       values{"enabled": true},
	"networkPolicy": values{"enabled": true},
}

// The checks above are worth what they catch.
func TestABrokenTemplateIsCaught(t *testing.T) {
	for _, it := range []struct {
		given                 values
		file, was, is, caught string
	}{
		{values{}, "_pod.tpl", "containerPort: 8420", "containerport: 8420", "unknown field"},
		{values{}, "_pod.tpl", "periodSeconds: 2\n", "periodSeconds: soon\n", "cannot unmarshal"},
		{values{"tls": values{"existingSecret": "server-tls"}}, "_pod.tpl", "readOnly: true", "readonly: true", "unknown field"},
		{values{}, "_pod.tpl", "enableServiceLinks: false", "enableServiceLinks: true", "variables of services"},
		{values{}, "_pod.tpl", "{name: tmp, mountPath: /tmp}", "{name: temp, mountPath: /tmp}", "no volume temp"},
		{values{}, "_pod.tpl", "port: http,", "port: web,", "a probe has no port"},
		{values{}, "_pod.tpl", "ENTREPOT_GRPC_PORT", "ENTREPOT_GRPC", "ENTREPOT_GRPC is no setting"},
		{values{}, "_helpers.tpl", "runAsNonRoot: true", "runAsNonRoot: false", "runs as root"},
		{values{}, "_helpers.tpl", "drop: [ALL]", "drop: [CHOWN]", "has capabilities"},
		{values{}, "service.yaml", "targetPort: grpc", "targetPort: rpc", "no port rpc"},
		{values{}, "service.yaml", `selector: {{- include "entrepot.selector" . | nindent 4 }}`, "selector: {app: store}", "selects no server"},
		{values{}, "service.yaml", "ports:", "ports: []\n  ports:", "already"},
		{values{}, "statefulset.yaml", "replicas: 1", "replicas: 2", "2 writers"},
		{values{}, "statefulset.yaml", `serviceName: {{ include "entrepot.fullname" . }}`, "serviceName: other", "no service other"},
		{clusterValues, "deployment.yaml", "maxUnavailable: 0", "maxUnavailable: 1", "stops servers"},
		{clusterValues, "_pod.tpl", "name: {{ $values.existingSecret | quote }}, key: ENTREPOT_DATABASE_URL", "name: other, key: ENTREPOT_DATABASE_URL", "ENTREPOT_DATABASE_URL: its secret"},
		{clusterValues, "networkpolicy.yaml", "port: metrics}", "port: other}", "no port other"},
		{clusterValues, "ingress.yaml", `"port" "http"`, `"port" "web"`, "no port web"},
		{clusterValues, "monitoring.yaml", "component: metrics", "component: other", "selects 0 services"},
		{clusterValues, "monitoring.yaml", "- port: metrics", "- port: numbers", "no port numbers"},
		{clusterValues, "monitoring.yaml", "jobLabel: app.kubernetes.io/name", "jobLabel: job", "has no label job"},
		{clusterValues, "poddisruptionbudget.yaml", "apiVersion: policy/v1", "apiVersion: policy/v1beta1", "unexpected policy/v1beta1"},
	} {
		hasEdited := false
		source, err := loadChart(func(name, text string) string {
			if !strings.HasSuffix(name, "/"+it.file) || !strings.Contains(text, it.was) {
				return text
			}
			hasEdited = true
			return strings.Replace(text, it.was, it.is, 1)
		})
		if err != nil || !hasEdited {
			t.Fatalf("%s: %s is not in it (%v)", it.file, it.was, err)
		}
		if found := whatIsWrong(t, source, it.given); !strings.Contains(found, it.caught) {
			t.Errorf("%s: %s instead of %s: %q", it.file, it.is, it.was, found)
		}
	}
}

func whatIsWrong(t *testing.T, source *chart.Chart, given values) string {
	known := strings.Fields(os.Getenv("ENTREPOT_TEST_SETTINGS"))
	rendered, err := render(source, given)
	if err != nil {
		return err.Error()
	}
	objects, err := decode(rendered)
	if err != nil {
		return err.Error()
	}
	problems := append(problemsOf(objects, outside), unknownSettings(inspect(objects).pod, known)...)
	return strings.Join(problems, "\n")
}

// What the caller starts a server by, as Kubernetes would: the containers of both modes, as JSON.
func TestContainersAreWritten(t *testing.T) {
	file := os.Getenv("ENTREPOT_TEST_CONTAINERS")
	if file == "" {
		t.Skip("nobody asked for them")
	}
	containers := map[string]any{}
	for mode, given := range map[string]values{
		"single":  {"publicUrl": "https://files.example.com", "tls": values{"existingSecret": "server-tls"}},
		"cluster": clusterValues,
	} {
		source, err := loadChart(nil)
		if err != nil {
			t.Fatal(err)
		}
		rendered, err := render(source, given)
		if err != nil {
			t.Fatal(err)
		}
		objects, err := decode(rendered)
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range objects {
			if test, isPod := object.(*corev1.Pod); isPod {
				containers[mode+" test"] = test.Spec.Containers[0]
			}
		}
		containers[mode] = inspect(objects).pod.Spec.Containers[0]
	}
	text, err := json.Marshal(containers)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
