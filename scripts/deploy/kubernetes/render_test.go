package kubernetes

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const (
	root   = "../../../"
	folder = root + "deploy/kubernetes/"
)

// objects are those of one rendered folder, by name.
type objects struct {
	folder      string
	deployments map[string]*appsv1.Deployment
	services    map[string]*corev1.Service
	configMaps  map[string]*corev1.ConfigMap
	scalers     map[string]*autoscalingv2.HorizontalPodAutoscaler
	budgets     map[string]*policyv1.PodDisruptionBudget
	policies    map[string]*networkingv1.NetworkPolicy
	namespaces  map[string]bool
}

// folders are the base and all overlays.
func folders(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob(folder + "overlays/*")
	require.NoError(t, err)
	return append([]string{folder + "base"}, list...)
}

// render renders a folder as `kubectl apply -k` does, and refuses fields that the
// objects' types do not have.
func render(t *testing.T, from string) *objects {
	t.Helper()
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), from)
	require.NoError(t, err)
	o := &objects{
		folder:      filepath.Base(from),
		deployments: map[string]*appsv1.Deployment{}, services: map[string]*corev1.Service{}, configMaps: map[string]*corev1.ConfigMap{},
		scalers: map[string]*autoscalingv2.HorizontalPodAutoscaler{}, budgets: map[string]*policyv1.PodDisruptionBudget{},
		policies: map[string]*networkingv1.NetworkPolicy{}, namespaces: map[string]bool{},
	}
	for _, r := range rendered.Resources() {
		text, err := r.AsYAML()
		require.NoError(t, err)
		name := r.GetName()
		switch id := r.GetApiVersion() + " " + r.GetKind(); id {
		case "apps/v1 Deployment":
			o.deployments[name] = decode[appsv1.Deployment](t, text)
		case "v1 Service":
			o.services[name] = decode[corev1.Service](t, text)
		case "v1 ConfigMap":
			o.configMaps[name] = decode[corev1.ConfigMap](t, text)
		case "autoscaling/v2 HorizontalPodAutoscaler":
			o.scalers[name] = decode[autoscalingv2.HorizontalPodAutoscaler](t, text)
		case "policy/v1 PodDisruptionBudget":
			o.budgets[name] = decode[policyv1.PodDisruptionBudget](t, text)
		case "networking.k8s.io/v1 NetworkPolicy":
			o.policies[name] = decode[networkingv1.NetworkPolicy](t, text)
		default:
			require.Fail(t, "an object of a kind without a test", id)
		}
		o.namespaces[r.GetNamespace()] = true
	}
	return o
}

func decode[T any](t *testing.T, text []byte) *T {
	t.Helper()
	var object T
	require.NoError(t, yaml.UnmarshalStrict(text, &object), string(text))
	return &object
}

// TestUnknownFieldsAreRefused: a misspelt field would be dropped by a cluster or
// refused there, too late.
func TestUnknownFieldsAreRefused(t *testing.T) {
	var object networkingv1.NetworkPolicy
	require.ErrorContains(t, yaml.UnmarshalStrict([]byte("spec: {podSelectors: {}}"), &object), "podSelectors")
}
