package kubernetes

import (
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	cacheapp "github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/program"
	uiapp "github.com/dmwm/wmstats/uiserver/app"
)

// eachFolder runs a test on each rendered folder.
func eachFolder(t *testing.T, test func(t *testing.T, o *objects)) {
	t.Helper()
	for _, from := range folders(t) {
		o := render(t, from)
		t.Run(o.folder, func(t *testing.T) { test(t, o) })
	}
}

// eachServer runs a test on each Deployment and its container.
func (o *objects) eachServer(t *testing.T, test func(t *testing.T, name string, pod *corev1.PodTemplateSpec, c *corev1.Container)) {
	t.Helper()
	for _, name := range []string{"wmstats-cacheserver", "wmstats-uiserver"} {
		d := o.deployments[name]
		require.NotNil(t, d, name)
		require.Len(t, d.Spec.Template.Spec.Containers, 1)
		t.Run(name, func(t *testing.T) { test(t, name, &d.Spec.Template, &d.Spec.Template.Spec.Containers[0]) })
	}
	assert.Len(t, o.deployments, 2)
}

// TestSelectors: each selector selects Pods of exactly the Deployment of its name.
func TestSelectors(t *testing.T) {
	eachFolder(t, func(t *testing.T, o *objects) {
		selected := func(selector labels.Selector) (names []string) {
			for name, d := range o.deployments {
				if selector.Matches(labels.Set(d.Spec.Template.Labels)) {
					names = append(names, name)
				}
			}
			return names
		}
		of := func(s *metav1.LabelSelector) labels.Selector {
			selector, err := metav1.LabelSelectorAsSelector(s)
			require.NoError(t, err)
			return selector
		}
		for name, d := range o.deployments {
			assert.Equal(t, []string{name}, selected(of(d.Spec.Selector)))
			for _, s := range d.Spec.Template.Spec.TopologySpreadConstraints {
				assert.Equal(t, []string{name}, selected(of(s.LabelSelector)))
			}
			assert.Contains(t, o.services, name)
			assert.Contains(t, o.budgets, name)
			assert.Contains(t, o.policies, name)
		}
		for name, s := range o.services {
			assert.Equal(t, []string{name}, selected(labels.SelectorFromSet(s.Spec.Selector)))
		}
		for name, b := range o.budgets {
			assert.Equal(t, []string{name}, selected(of(b.Spec.Selector)))
		}
		for name, p := range o.policies {
			assert.Equal(t, []string{name}, selected(of(&p.Spec.PodSelector)))
			for _, in := range p.Spec.Ingress {
				for _, from := range in.From {
					if from.PodSelector != nil {
						assert.Equal(t, []string{"wmstats-uiserver"}, selected(of(from.PodSelector)))
					}
				}
			}
		}
		for _, s := range o.scalers {
			assert.Contains(t, o.deployments, s.Spec.ScaleTargetRef.Name)
			assert.Nil(t, o.deployments[s.Spec.ScaleTargetRef.Name].Spec.Replicas, "kubectl apply would undo what the autoscaler did")
			assert.NotEmpty(t, o.deployments[s.Spec.ScaleTargetRef.Name].Spec.Template.Spec.Containers[0].Resources.Requests.Cpu().String())
			assert.EqualValues(t, 2, *s.Spec.MinReplicas)
		}
		replicas := int32(1)
		if o.env(t, &o.deployments["wmstats-cacheserver"].Spec.Template.Spec.Containers[0])["WMSTATS_LOG"] != "" {
			replicas = 3
		}
		assert.Equal(t, replicas, *o.deployments["wmstats-cacheserver"].Spec.Replicas, "several only with a log")
	})
}

// TestReplicas: the overlay of several cache servers names a log that they can
// reach, and a folder that they can write to for snapshots.
func TestReplicas(t *testing.T) {
	o := render(t, folder+"overlays/ha")
	const name = "wmstats-cacheserver"
	c := &o.deployments[name].Spec.Template.Spec.Containers[0]
	env := o.env(t, c)
	options, err := cacheapp.ParseOptions(c.Args, func(name string) string { return env[name] }, io.Discard)
	require.NoError(t, err)
	r := options.Replicas
	assert.Len(t, r.Log, 3)
	assert.Equal(t, 3, r.Copies)
	for _, url := range r.Log {
		_, port, _ := strings.Cut(strings.TrimPrefix(url, "nats://"), ":")
		assert.True(t, slices.ContainsFunc(o.policies[name].Spec.Egress, func(e networkingv1.NetworkPolicyEgressRule) bool {
			return slices.ContainsFunc(e.Ports, func(p networkingv1.NetworkPolicyPort) bool { return p.Port.String() == port })
		}), url)
	}
	assert.True(t, slices.ContainsFunc(c.VolumeMounts, func(m corev1.VolumeMount) bool {
		return m.MountPath+"/" == env["TMPDIR"] && !m.ReadOnly
	}))
	assert.Equal(t, 2, o.budgets[name].Spec.MinAvailable.IntValue())
}

// TestPorts: each port that is named is one of the container, and the program listens
// on it.
func TestPorts(t *testing.T) {
	eachFolder(t, func(t *testing.T, o *objects) {
		for name, s := range o.services {
			c := o.deployments[name].Spec.Template.Spec.Containers[0]
			for _, p := range s.Spec.Ports {
				assert.Contains(t, portsOf(&c), p.TargetPort.StrVal, name)
			}
		}
		for name, p := range o.policies {
			c := o.deployments[name].Spec.Template.Spec.Containers[0]
			for _, in := range p.Spec.Ingress {
				for _, port := range in.Ports {
					assert.Contains(t, portsOf(&c), port.Port.StrVal, name)
				}
			}
		}
		o.eachServer(t, func(t *testing.T, name string, pod *corev1.PodTemplateSpec, c *corev1.Container) {
			options := o.options(t, name, c)
			assert.Equal(t, "0.0.0.0:"+portsOf(c)["http"], options.Listen)
			assert.Equal(t, "0.0.0.0:"+portsOf(c)["metrics"], options.Metrics)
			for _, probe := range []*corev1.Probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
				require.NotNil(t, probe)
				assert.Equal(t, "http", probe.HTTPGet.Port.StrVal)
			}
			base := o.basePath(t, name)
			assert.Equal(t, base+"/livez", c.StartupProbe.HTTPGet.Path)
			assert.Equal(t, base+"/livez", c.LivenessProbe.HTTPGet.Path)
			assert.Equal(t, base+"/readyz", c.ReadinessProbe.HTTPGet.Path)
			if port, ok := pod.Annotations["prometheus.io/port"]; ok {
				assert.Equal(t, portsOf(c)["metrics"], port)
				assert.Equal(t, "true", pod.Annotations["prometheus.io/scrape"])
			}
		})
		ui := o.env(t, &o.deployments["wmstats-uiserver"].Spec.Template.Spec.Containers[0])
		cache := o.services["wmstats-cacheserver"]
		assert.Equal(t, fmt.Sprintf("http://%s:%d%s", cache.Name, cache.Spec.Ports[0].Port, o.basePath(t, cache.Name)), ui["WMSTATS_UI_CACHE_URL"])
	})
}

// basePath is the path below which a server answers.
func (o *objects) basePath(t *testing.T, name string) string {
	t.Helper()
	env := o.env(t, &o.deployments[name].Spec.Template.Spec.Containers[0])
	if name == "wmstats-uiserver" {
		return env["WMSTATS_UI_BASE_PATH"]
	}
	return env["WMSTATS_BASE_PATH"]
}

// TestCMSWEB: what CMSWEB's platform expects of a service.
func TestCMSWEB(t *testing.T) {
	o := render(t, folder+"overlays/cmsweb")
	assert.Equal(t, map[string]bool{"dmwm": true}, o.namespaces)
	o.eachServer(t, func(t *testing.T, name string, pod *corev1.PodTemplateSpec, c *corev1.Container) {
		assert.Equal(t, "/wmstats", o.basePath(t, name))
		assert.Equal(t, "true", pod.Annotations["prometheus.io/scrape"])
		paths := map[string]string{}
		for _, m := range c.VolumeMounts {
			paths[m.MountPath] = m.Name
		}
		assert.Contains(t, paths, "/etc/secrets")
		assert.Contains(t, paths, "/etc/hmac")
		if name == "wmstats-cacheserver" {
			assert.Contains(t, paths, "/etc/proxy")
		}
	})
}

func portsOf(c *corev1.Container) map[string]string {
	ports := map[string]string{}
	for _, p := range c.Ports {
		ports[p.Name] = strconv.Itoa(int(p.ContainerPort))
	}
	return ports
}

// env returns the variables of a container.
func (o *objects) env(t *testing.T, c *corev1.Container) map[string]string {
	t.Helper()
	env := map[string]string{}
	for _, from := range c.EnvFrom {
		require.NotNil(t, from.ConfigMapRef)
		require.Contains(t, o.configMaps, from.ConfigMapRef.Name)
		maps.Copy(env, o.configMaps[from.ConfigMapRef.Name].Data)
	}
	require.NotEmpty(t, env)
	return env
}

// options returns the options of a container, as the program itself reads them.
func (o *objects) options(t *testing.T, name string, c *corev1.Container) program.Options {
	t.Helper()
	env := o.env(t, c)
	getenv := func(name string) string { return env[name] }
	known, parsed := []string{"TMPDIR"}, program.Options{}
	switch name {
	case "wmstats-cacheserver":
		d := cacheapp.Defaults()
		for _, r := range d.Settings().Rows() {
			known = append(known, r.Variables...)
		}
		options, err := cacheapp.ParseOptions(c.Args, getenv, io.Discard)
		require.NoError(t, err)
		parsed = options.Options
	case "wmstats-uiserver":
		d := uiapp.Defaults()
		for _, r := range d.Settings().Rows() {
			known = append(known, r.Variables...)
		}
		options, err := uiapp.ParseOptions(c.Args, getenv, io.Discard)
		require.NoError(t, err)
		parsed = options.Options
	}
	for variable := range env {
		assert.Contains(t, known, variable)
	}
	return parsed
}

// TestFiles: each file that an option names lies in a volume. Files of Secrets are
// among the volume's items, and docs/how-to/deploy.md says how the Secret is created.
func TestFiles(t *testing.T) {
	page, err := os.ReadFile(root + "docs/how-to/deploy.md")
	require.NoError(t, err)
	eachFolder(t, func(t *testing.T, o *objects) {
		o.eachServer(t, func(t *testing.T, _ string, pod *corev1.PodTemplateSpec, c *corev1.Container) {
			volumes := map[string]corev1.Volume{}
			for _, v := range pod.Spec.Volumes {
				volumes[v.Name] = v
				if v.Secret == nil {
					continue
				}
				command := regexp.MustCompile(`(?s)kubectl (?:-n \S+ )?create secret generic ` + regexp.QuoteMeta(v.Secret.SecretName) + ` .*?\n\n`).FindString(strings.ReplaceAll(string(page), "```", "\n\n"))
				require.NotEmpty(t, command, "docs/how-to/deploy.md does not create Secret %s", v.Secret.SecretName)
				for _, item := range v.Secret.Items {
					assert.Contains(t, command, "--from-file="+item.Key, v.Secret.SecretName)
				}
			}
			mounts := map[string]corev1.Volume{}
			for _, m := range c.VolumeMounts {
				require.Contains(t, volumes, m.Name)
				mounts[m.MountPath+"/"] = volumes[m.Name]
				assert.Equal(t, volumes[m.Name].Secret != nil, m.ReadOnly, m.Name)
			}
			assert.Len(t, mounts, len(volumes), "a volume is not mounted")
			for variable, value := range o.env(t, c) {
				if !strings.HasPrefix(value, "/") || strings.HasSuffix(variable, "_BASE_PATH") {
					continue
				}
				found := false
				for path, v := range mounts {
					file, in := strings.CutPrefix(value, path)
					if !in {
						continue
					}
					found = true
					if v.Secret != nil {
						assert.True(t, slices.ContainsFunc(v.Secret.Items, func(k corev1.KeyToPath) bool { return k.Path == file }), "%s=%s", variable, value)
					}
				}
				assert.True(t, found, "%s=%s is in no volume", variable, value)
			}
		})
	})
}

// TestConfinement: no Pod runs as root, writes to its image, or talks to the cluster.
func TestConfinement(t *testing.T) {
	eachFolder(t, func(t *testing.T, o *objects) {
		o.eachServer(t, func(t *testing.T, name string, pod *corev1.PodTemplateSpec, c *corev1.Container) {
			assert.True(t, *pod.Spec.SecurityContext.RunAsNonRoot)
			assert.EqualValues(t, 65532, *pod.Spec.SecurityContext.RunAsUser, "the user of the image")
			assert.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, pod.Spec.SecurityContext.SeccompProfile.Type)
			assert.False(t, *pod.Spec.AutomountServiceAccountToken)
			assert.True(t, *c.SecurityContext.ReadOnlyRootFilesystem)
			assert.False(t, *c.SecurityContext.AllowPrivilegeEscalation)
			assert.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop)
			assert.Regexp(t, `:\d+\.\d+\.\d+$`, c.Image, "a version")
			assert.Equal(t, "/usr/local/bin/"+strings.TrimPrefix(name, "wmstats-"), c.Command[0])
			assert.False(t, o.options(t, name, c).Insecure)
		})
	})
}

// TestRollout: a new Pod is ready before an old one stops, and has the time to drain.
func TestRollout(t *testing.T) {
	eachFolder(t, func(t *testing.T, o *objects) {
		o.eachServer(t, func(t *testing.T, name string, pod *corev1.PodTemplateSpec, c *corev1.Container) {
			rolling := o.deployments[name].Spec.Strategy.RollingUpdate
			assert.Equal(t, 1, rolling.MaxSurge.IntValue())
			assert.Equal(t, 0, rolling.MaxUnavailable.IntValue())
			options := o.options(t, name, c)
			assert.Greater(t, time.Duration(*pod.Spec.TerminationGracePeriodSeconds)*time.Second, options.Drain+options.DrainDelay)
			notReady := time.Duration(c.ReadinessProbe.PeriodSeconds*c.ReadinessProbe.FailureThreshold) * time.Second
			assert.Greater(t, options.DrainDelay, notReady, "the Service sends requests until the Pod is not ready")
		})
		start := o.deployments["wmstats-cacheserver"].Spec.Template.Spec.Containers[0].StartupProbe
		assert.EqualValues(t, 600, start.PeriodSeconds*start.FailureThreshold)
	})
}

// TestSizes: the memory of the cache server is that of the first row of the table in
// docs/how-to/size.md.
func TestSizes(t *testing.T) {
	page, err := os.ReadFile(root + "docs/how-to/size.md")
	require.NoError(t, err)
	row := regexp.MustCompile(`(?m)^\| 20 000 \| 256MiB \(default\) \| (\d+) MB \| (\d+) MB \|`).FindStringSubmatch(string(page))
	require.NotNil(t, row)
	r := render(t, folder+"base").deployments["wmstats-cacheserver"].Spec.Template.Spec.Containers[0].Resources
	assert.Equal(t, row[1]+"M", r.Requests.Memory().String())
	assert.Equal(t, row[2]+"M", r.Limits.Memory().String())
}
