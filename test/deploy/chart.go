// Package deploy renders the Helm chart and says what is wrong with what comes out.
package deploy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

const (
	chartDir    = "../../deploy/chart"
	releaseName = "store"
	namespace   = "files"
)

type values = map[string]any

// What the chart may make. Anything else is a problem.
var kinds = map[string]func() metav1.Object{
	"v1 Service":                              func() metav1.Object { return &corev1.Service{} },
	"v1 ServiceAccount":                       func() metav1.Object { return &corev1.ServiceAccount{} },
	"v1 ConfigMap":                            func() metav1.Object { return &corev1.ConfigMap{} },
	"v1 Pod":                                  func() metav1.Object { return &corev1.Pod{} },
	"apps/v1 StatefulSet":                     func() metav1.Object { return &appsv1.StatefulSet{} },
	"apps/v1 Deployment":                      func() metav1.Object { return &appsv1.Deployment{} },
	"policy/v1 PodDisruptionBudget":           func() metav1.Object { return &policyv1.PodDisruptionBudget{} },
	"networking.k8s.io/v1 NetworkPolicy":      func() metav1.Object { return &networkingv1.NetworkPolicy{} },
	"networking.k8s.io/v1 Ingress":            func() metav1.Object { return &networkingv1.Ingress{} },
	"monitoring.coreos.com/v1 ServiceMonitor": func() metav1.Object { return &monitoringv1.ServiceMonitor{} },
	"monitoring.coreos.com/v1 PrometheusRule": func() metav1.Object { return &monitoringv1.PrometheusRule{} },
}

// loadChart reads the chart; edit may change the text of any file of it by its name.
func loadChart(edit func(name, text string) string) (*chart.Chart, error) {
	whole, err := loader.LoadDir(chartDir)
	if err != nil || edit == nil {
		return whole, err
	}
	files := make([]*archive.BufferedFile, 0, len(whole.Raw))
	for _, file := range whole.Raw {
		files = append(files, &archive.BufferedFile{Name: file.Name, Data: []byte(edit(file.Name, string(file.Data)))})
	}
	return loader.LoadFiles(files)
}

// render gives each file of the chart, with the values checked by its schema.
func render(source *chart.Chart, given values) (map[string]string, error) {
	release := common.ReleaseOptions{Name: releaseName, Namespace: namespace, Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(source, given, release, nil)
	if err != nil {
		return nil, err
	}
	return engine.Engine{Strict: true}.Render(source, all)
}

// decode turns rendered files into objects of Kubernetes' own types.
// A field that a type does not have, or a key given twice, is an error.
func decode(rendered map[string]string) ([]metav1.Object, error) {
	var objects []metav1.Object
	var problems []error
	for name, text := range rendered {
		if path.Ext(name) != ".yaml" {
			continue
		}
		for _, document := range strings.Split("\n"+text, "\n---") {
			object, err := decodeOne(document)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", name, err))
			} else if object != nil {
				objects = append(objects, object)
			}
		}
	}
	slices.SortFunc(objects, func(a, b metav1.Object) int { return strings.Compare(nameOf(a), nameOf(b)) })
	return objects, errors.Join(problems...)
}

func decodeOne(document string) (metav1.Object, error) {
	asJSON, err := yaml.YAMLToJSONStrict([]byte(document))
	if err != nil {
		return nil, err
	}
	if bytes.Equal(asJSON, []byte("null")) {
		return nil, nil
	}
	var meta metav1.TypeMeta
	if err := json.Unmarshal(asJSON, &meta); err != nil {
		return nil, err
	}
	make, known := kinds[meta.APIVersion+" "+meta.Kind]
	if !known {
		return nil, fmt.Errorf("unexpected %s %s", meta.APIVersion, meta.Kind)
	}
	object := make()
	strict, err := kjson.UnmarshalStrict(asJSON, object)
	return object, errors.Join(append(strict, err)...)
}

func nameOf(object metav1.Object) string {
	return fmt.Sprintf("%T %s", object, object.GetName())
}
