// Package helm_test renders the chart nifuda with helm itself and reads what comes
// out as strictly as Kubernetes does: a field that its types do not have is an
// error.
package helm_test

import (
	"bytes"
	"encoding/base64"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// serviceMonitor is as much of the Prometheus Operator's type as the chart uses.
type serviceMonitor struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		Endpoints []struct {
			Port     string `json:"port"`
			Interval string `json:"interval"`
		} `json:"endpoints"`
		Selector metav1.LabelSelector `json:"selector"`
	} `json:"spec"`
}

// kinds are the types of what the chart makes.
var kinds = map[string]reflect.Type{
	"v1 ConfigMap":                            reflect.TypeFor[corev1.ConfigMap](),
	"v1 Secret":                               reflect.TypeFor[corev1.Secret](),
	"v1 Service":                              reflect.TypeFor[corev1.Service](),
	"v1 ServiceAccount":                       reflect.TypeFor[corev1.ServiceAccount](),
	"apps/v1 Deployment":                      reflect.TypeFor[appsv1.Deployment](),
	"apps/v1 StatefulSet":                     reflect.TypeFor[appsv1.StatefulSet](),
	"autoscaling/v2 HorizontalPodAutoscaler":  reflect.TypeFor[autoscalingv2.HorizontalPodAutoscaler](),
	"networking.k8s.io/v1 Ingress":            reflect.TypeFor[networkingv1.Ingress](),
	"networking.k8s.io/v1 NetworkPolicy":      reflect.TypeFor[networkingv1.NetworkPolicy](),
	"policy/v1 PodDisruptionBudget":           reflect.TypeFor[policyv1.PodDisruptionBudget](),
	"monitoring.coreos.com/v1 ServiceMonitor": reflect.TypeFor[serviceMonitor](),
}

// helm runs helm, which must be there: make chartcheck builds it.
func helm(t *testing.T, args ...string) (out string, err error) {
	t.Helper()
	program := "helm"
	if clients := os.Getenv("NIFUDA_CLIENTS"); clients != "" {
		program = filepath.Join(clients, program)
	}
	var stdout, stderr bytes.Buffer
	command := exec.Command(program, args...)
	command.Env = append(os.Environ(), "HELM_CACHE_HOME="+t.TempDir(), "HELM_CONFIG_HOME="+t.TempDir(), "HELM_DATA_HOME="+t.TempDir())
	command.Stdout, command.Stderr = &stdout, &stderr
	err = command.Run()
	return stdout.String() + stderr.String(), err
}

// render returns what the chart makes, by kind and name.
func render(t *testing.T, args ...string) map[string]any {
	t.Helper()
	out, err := helm(t, append([]string{"template", "registry", "nifuda", "--namespace", "tools", "--kube-version", "1.34.0"}, args...)...)
	if err != nil {
		t.Fatalf("helm template %q: %v\n%s", args, err, out)
	}
	objects := map[string]any{}
	for document := range strings.SplitSeq(out, "\n---\n") {
		document = strings.TrimPrefix(document, "---\n")
		var meta metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(document), &meta); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		of, known := kinds[meta.APIVersion+" "+meta.Kind]
		if !known {
			t.Fatalf("the chart makes %q of %q:\n%s", meta.Kind, meta.APIVersion, document)
		}
		object := reflect.New(of).Interface()
		if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
			t.Errorf("%v in\n%s", err, document)
		}
		name := object.(metav1.Object).GetName()
		if objects[meta.Kind+" "+name] != nil {
			t.Errorf("there are two of %s %s", meta.Kind, name)
		}
		objects[meta.Kind+" "+name] = object
	}
	return objects
}

// values are the arguments for a file of testdata.
func values(name string) []string {
	return []string{"--values", filepath.Join("testdata", name+".yaml")}
}

func get[T any](t *testing.T, objects map[string]any, name string) *T {
	t.Helper()
	object, ok := objects[name].(*T)
	if !ok {
		t.Fatalf("the chart makes no %s but %q", name, slices.Sorted(maps.Keys(objects)))
	}
	return object
}

func TestChartMakesWhatTheValuesSay(t *testing.T) {
	common := []string{"ConfigMap registry-nifuda", "Service registry-nifuda", "ServiceAccount registry-nifuda"}
	for _, test := range []struct {
		name string
		args []string
		want []string
	}{
		{"the defaults", nil, []string{"Secret registry-nifuda-keys", "StatefulSet registry-nifuda"}},
		{"one node", values("single"), []string{"Secret registry-nifuda-keys", "StatefulSet registry-nifuda"}},
		{"several nodes", values("scaled"), []string{
			"Secret registry-nifuda-keys", "Deployment registry-nifuda", "Deployment registry-nifuda-worker", "PodDisruptionBudget registry-nifuda",
		}},
		{"several nodes without workers", append(values("scaled"), "--set", "worker.replicas=0"), []string{
			"Secret registry-nifuda-keys", "Deployment registry-nifuda", "PodDisruptionBudget registry-nifuda",
		}},
		{"everything", values("everything"), []string{
			"Deployment registry-nifuda", "Deployment registry-nifuda-worker", "PodDisruptionBudget registry-nifuda",
			"HorizontalPodAutoscaler registry-nifuda", "Ingress registry-nifuda", "NetworkPolicy registry-nifuda",
			"Service registry-nifuda-metrics", "ServiceMonitor registry-nifuda",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := slices.Sorted(maps.Keys(render(t, test.args...)))
			want := slices.Sorted(slices.Values(slices.Concat(common, test.want)))
			if !slices.Equal(got, want) {
				t.Errorf("the chart makes %q, want %q", got, want)
			}
		})
	}
}

func TestChartPassesLint(t *testing.T) {
	for _, args := range [][]string{nil, values("single"), values("scaled"), values("everything")} {
		if out, err := helm(t, slices.Concat([]string{"lint", "--strict", "--kube-version", "1.34.0", "nifuda"}, args)...); err != nil {
			t.Errorf("helm lint %q: %v\n%s", args, err, out)
		}
	}
}

// TestPodsAreRestricted holds every pod to the restricted level of the Pod
// Security Standards, and to a root file system that cannot be written.
func TestPodsAreRestricted(t *testing.T) {
	for _, args := range [][]string{values("single"), values("everything")} {
		for name, pod := range pods(t, render(t, args...)) {
			security, container := pod.SecurityContext, pod.Containers[0].SecurityContext
			if security == nil || !isTrue(security.RunAsNonRoot) || security.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
				t.Errorf("%s: the pod's security context is %+v", name, security)
			}
			if container == nil || container.AllowPrivilegeEscalation == nil || *container.AllowPrivilegeEscalation || !isTrue(container.ReadOnlyRootFilesystem) ||
				!slices.Equal(container.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(container.Capabilities.Add) > 0 {
				t.Errorf("%s: the container's security context is %+v", name, container)
			}
			if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
				t.Errorf("%s: the pod gets a token of the cluster", name)
			}
			for _, volume := range pod.Volumes {
				if volume.HostPath != nil {
					t.Errorf("%s: the pod gets %s of its machine", name, volume.HostPath.Path)
				}
			}
		}
	}
}

func isTrue(value *bool) bool { return value != nil && *value }

// pods are those of all workloads.
func pods(t *testing.T, objects map[string]any) map[string]corev1.PodSpec {
	t.Helper()
	found := map[string]corev1.PodSpec{}
	for name, object := range objects {
		switch workload := object.(type) {
		case *appsv1.Deployment:
			found[name] = workload.Spec.Template.Spec
		case *appsv1.StatefulSet:
			found[name] = workload.Spec.Template.Spec
		}
	}
	if len(found) == 0 {
		t.Fatal("the chart makes no pods")
	}
	return found
}

// environment is what a container gets; of secrets SECRET/KEY.
func environment(pod corev1.PodSpec) map[string]string {
	variables := map[string]string{}
	for _, variable := range pod.Containers[0].Env {
		variables[variable.Name] = variable.Value
		if from := variable.ValueFrom; from != nil {
			variables[variable.Name] = from.SecretKeyRef.Name + "/" + from.SecretKeyRef.Key
		}
	}
	return variables
}

func TestNodesGetTheirSettings(t *testing.T) {
	single := pods(t, render(t, values("single")...))
	everything := pods(t, render(t, values("everything")...))
	for _, test := range []struct {
		name string
		pod  corev1.PodSpec
		want map[string]string
	}{
		{"one node", single["StatefulSet registry-nifuda"], map[string]string{
			"NIFUDA_ROLE": "all", "NIFUDA_DATA": "/data", "NIFUDA_DATABASE": "", "NIFUDA_BLOBS": "", "NIFUDA_AUDIT": "", "NIFUDA_LOG_FORMAT": "json",
			"NIFUDA_TLS_CERT": "/tls/tls.crt", "NIFUDA_ADMIN_LISTEN": "127.0.0.1:5051",
			"NIFUDA_SERVER_KEY": "env:SERVER_KEY", "SERVER_KEY": "registry-nifuda-keys/server-key",
		}},
		{"a node of several", everything["Deployment registry-nifuda"], map[string]string{
			"NIFUDA_ROLE": "api", "NIFUDA_DATABASE": "nifuda-postgres/uri", "NIFUDA_TLS_CERT": "", "NIFUDA_LOG_FORMAT": "", "NIFUDA_AUDIT": "",
			"NIFUDA_BLOBS": "s3://images/nifuda?endpoint=https://s3.example.com&region=us-east-1&path-style=true", "NIFUDA_ADMIN_LISTEN": "0.0.0.0:5051",
			"SERVER_KEY": "nifuda-own-keys/server-key", "NIFUDA_ROOT_ACCESS_KEY_ID": "nifuda-own-keys/root-access-key-id",
			"SSL_CERT_FILE": "/certificates/ca.crt",
		}},
		{"a worker", everything["Deployment registry-nifuda-worker"], map[string]string{
			"NIFUDA_ROLE": "worker", "NIFUDA_DATABASE": "nifuda-postgres/uri", "SERVER_KEY": "nifuda-own-keys/server-key",
		}},
	} {
		got := environment(test.pod)
		for name, want := range test.want {
			if got[name] != want {
				t.Errorf("%s: %s is %q, want %q", test.name, name, got[name], want)
			}
		}
	}
	config := get[corev1.ConfigMap](t, render(t, values("single")...), "ConfigMap registry-nifuda")
	var settings map[string]string
	if err := yaml.UnmarshalStrict([]byte(config.Data["nifuda.yaml"]), &settings); err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"region": "eu-central-1", "account": "012345678901", "domain": "registry.example.com"}; !maps.Equal(settings, want) {
		t.Errorf("the settings file has %v, want %v", settings, want)
	}
}

// TestSelectorsFindTheirPods: a Service whose selector fits no pod serves nothing.
func TestSelectorsFindTheirPods(t *testing.T) {
	objects := render(t, values("everything")...)
	node := get[appsv1.Deployment](t, objects, "Deployment registry-nifuda").Spec.Template.Labels
	worker := get[appsv1.Deployment](t, objects, "Deployment registry-nifuda-worker").Spec.Template.Labels
	metrics := get[corev1.Service](t, objects, "Service registry-nifuda-metrics")
	for _, test := range []struct {
		name       string
		selector   map[string]string
		labels     map[string]string
		shallMatch bool
	}{
		{"the registry's service, a node", get[corev1.Service](t, objects, "Service registry-nifuda").Spec.Selector, node, true},
		{"the registry's service, a worker", get[corev1.Service](t, objects, "Service registry-nifuda").Spec.Selector, worker, false},
		{"the metrics' service, a node", metrics.Spec.Selector, node, true},
		{"the metrics' service, a worker", metrics.Spec.Selector, worker, true},
		{"the budget, a node", get[policyv1.PodDisruptionBudget](t, objects, "PodDisruptionBudget registry-nifuda").Spec.Selector.MatchLabels, node, true},
		{"the network policy, a worker", get[networkingv1.NetworkPolicy](t, objects, "NetworkPolicy registry-nifuda").Spec.PodSelector.MatchLabels, worker, true},
		{"the monitor, the metrics' service", get[serviceMonitor](t, objects, "ServiceMonitor registry-nifuda").Spec.Selector.MatchLabels, metrics.Labels, true},
		{"the monitor, the registry's service", get[serviceMonitor](t, objects, "ServiceMonitor registry-nifuda").Spec.Selector.MatchLabels, get[corev1.Service](t, objects, "Service registry-nifuda").Labels, false},
	} {
		matches := len(test.selector) > 0
		for key, value := range test.selector {
			matches = matches && test.labels[key] == value
		}
		if matches != test.shallMatch {
			t.Errorf("%s: %v of %v is %v", test.name, test.selector, test.labels, matches)
		}
	}
}

func TestKeysAreWhatTheServerTakes(t *testing.T) {
	secret := get[corev1.Secret](t, render(t), "Secret registry-nifuda-keys")
	if secret.Annotations["helm.sh/resource-policy"] != "keep" {
		t.Error("an uninstall takes the keys away")
	}
	for key, pattern := range map[string]string{
		"server-key": `^[0-9a-f]{64}$`, "root-access-key-id": `^AKIA[A-Z]{16}$`, "root-secret-access-key": `^[0-9A-Za-z]{40}$`,
	} {
		if !regexp.MustCompile(pattern).Match(secret.Data[key]) {
			t.Errorf("%s is %s, want %s", key, base64.StdEncoding.EncodeToString(secret.Data[key]), pattern)
		}
	}
	again := get[corev1.Secret](t, render(t), "Secret registry-nifuda-keys")
	if bytes.Equal(again.Data["server-key"], secret.Data["server-key"]) {
		t.Error("two installations have one server key")
	}
}

func TestIngressNeitherLimitsNorKeepsBackLayers(t *testing.T) {
	ingress := get[networkingv1.Ingress](t, render(t, values("everything")...), "Ingress registry-nifuda")
	for name, want := range map[string]string{"proxy-body-size": "0", "proxy-request-buffering": "off", "proxy-buffering": "off"} {
		if got := ingress.Annotations["nginx.ingress.kubernetes.io/"+name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if len(ingress.Spec.Rules) != 2 || ingress.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Port.Name != "registry" {
		t.Errorf("the rules are %+v", ingress.Spec.Rules)
	}
}

func TestMistakesInValuesAreRefused(t *testing.T) {
	for name, args := range map[string][]string{
		"an unknown value":                  {"--set", "replica=3"},
		"an unknown mode":                   {"--set", "mode=cluster"},
		"several nodes without a database":  {"--set", "mode=scaled", "--set", "blobs.url=s3://b"},
		"several nodes without a bucket":    {"--set", "mode=scaled", "--set", "database.existingSecret=d"},
		"files for several nodes":           {"--set", "mode=scaled", "--set", "database.existingSecret=d", "--set", "blobs.url=file:/blobs"},
		"a setting that the chart makes":    {"--set", "config.listen=:80"},
		"a setting that is a list":          {"--set", "config.region={a,b}"},
		"a digest that is none":             {"--set", "image.digest=v1"},
		"a monitor of metrics that are off": {"--set", "metrics.serviceMonitor.enabled=true"},
	} {
		if out, err := helm(t, slices.Concat([]string{"template", "registry", "nifuda", "--kube-version", "1.34.0"}, args)...); err == nil {
			t.Errorf("%s: rendered as\n%s", name, out)
		}
	}
}
