package compose

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const root = "../.."

func load(t *testing.T, env ...string) *types.Project {
	t.Helper()
	opts, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")},
		cli.WithWorkingDirectory(root), cli.WithEnv(env))
	require.NoError(t, err)
	project, err := opts.LoadProject(t.Context())
	require.NoError(t, err)
	return project
}

func service(t *testing.T, p *types.Project, name string) types.ServiceConfig {
	t.Helper()
	s, err := p.GetService(name)
	require.NoError(t, err)
	return s
}

func TestServices(t *testing.T) {
	p := load(t)
	names := p.ServiceNames()
	slices.Sort(names)
	assert.Equal(t, []string{"cacheserver", "couchdb", "mock-load", "uiserver"}, names)
}

// TestOrder holds the start order: data come after the database is healthy,
// the cache server after the data, the dashboard after the cache server.
func TestOrder(t *testing.T) {
	p := load(t)
	for _, want := range []struct{ name, on, condition string }{
		{"mock-load", "couchdb", types.ServiceConditionHealthy},
		{"cacheserver", "couchdb", types.ServiceConditionHealthy},
		{"cacheserver", "mock-load", types.ServiceConditionCompletedSuccessfully},
		{"uiserver", "cacheserver", types.ServiceConditionHealthy},
	} {
		dep, ok := service(t, p, want.name).DependsOn[want.on]
		require.True(t, ok, "%s depends on %s", want.name, want.on)
		assert.Equal(t, want.condition, dep.Condition, "%s on %s", want.name, want.on)
	}
	assert.Equal(t, "no", service(t, p, "mock-load").Restart, "a one-shot must not run again")
}

func TestHealthChecks(t *testing.T) {
	p := load(t)
	for name, want := range map[string]string{"couchdb": "/_up", "cacheserver": "-healthcheck", "uiserver": "-healthcheck"} {
		check := service(t, p, name).HealthCheck
		require.NotNil(t, check, name)
		assert.Contains(t, strings.Join(check.Test, " "), want, name)
		assert.NotNil(t, check.Interval, name)
	}
}

// TestPortsOnLoopback: nothing here has an identity check, so nothing may be
// reachable from another machine.
func TestPortsOnLoopback(t *testing.T) {
	for name, s := range load(t).Services {
		for _, port := range s.Ports {
			assert.Equal(t, "127.0.0.1", port.HostIP, "%s port %s", name, port.Published)
		}
	}
}

func TestOwnServicesAreConfined(t *testing.T) {
	p := load(t)
	for _, name := range []string{"cacheserver", "uiserver"} {
		s := service(t, p, name)
		assert.True(t, s.ReadOnly, "%s has a read-only root", name)
		assert.Equal(t, []string{"ALL"}, s.CapDrop, name)
		assert.Contains(t, s.SecurityOpt, "no-new-privileges:true", name)
	}
}

func TestCouchDB(t *testing.T) {
	couch := service(t, load(t), "couchdb")
	assert.True(t, strings.HasPrefix(couch.Image, "couchdb:3.5"), couch.Image)
	for _, name := range []string{"COUCHDB_USER", "COUCHDB_PASSWORD"} {
		value := couch.Environment[name]
		require.NotNil(t, value, "the image refuses to start without %s", name)
		assert.NotEmpty(t, *value, name)
	}
	var ini string
	for _, v := range couch.Volumes {
		if strings.HasPrefix(v.Target, "/opt/couchdb/etc/local.d/") {
			assert.True(t, strings.HasSuffix(v.Target, ".ini"), "one file, not the folder: %s", v.Target)
			ini = v.Source
		}
	}
	text, err := os.ReadFile(ini)
	require.NoError(t, err)
	assert.Contains(t, string(text), "single_node = true")
}

// TestPassword: the servers' secret is the database's password.
func TestPassword(t *testing.T) {
	p := load(t)
	file, err := os.ReadFile(p.Secrets["couch-password"].File)
	require.NoError(t, err)
	want := service(t, p, "couchdb").Environment["COUCHDB_PASSWORD"]
	require.NotNil(t, want)
	assert.Equal(t, *want, strings.TrimSpace(string(file)))
	for _, name := range []string{"mock-load", "cacheserver"} {
		s := service(t, p, name)
		env := s.Environment["WMSTATS_COUCH_PASSWORD_FILE"]
		require.NotNil(t, env, name)
		assert.Equal(t, "/run/secrets/couch-password", *env, name)
		require.Len(t, s.Secrets, 1, name)
		assert.Equal(t, "couch-password", s.Secrets[0].Source, name)
	}
}

func TestSettings(t *testing.T) {
	p := load(t, "WORKFLOWS=77", "SEED=5", "UI_PORT=9090")
	assert.Contains(t, service(t, p, "mock-load").Command, "--workflows=77")
	assert.Contains(t, service(t, p, "mock-load").Command, "--seed=5")
	assert.Equal(t, "9090", service(t, p, "uiserver").Ports[0].Published)
}

// TestDockerfile: static binaries, nothing else, not root, and every program
// that a service starts is copied in.
func TestDockerfile(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	require.NoError(t, err)
	_, final, ok := strings.Cut(string(text), "\nFROM scratch\n")
	require.True(t, ok, "the last stage is scratch")
	assert.Regexp(t, `(?m)^USER [1-9][0-9]*:`, final)
	for name, s := range load(t).Services {
		if s.Build == nil {
			continue
		}
		require.NotEmpty(t, s.Entrypoint, name)
		program := filepath.Base(s.Entrypoint[0])
		assert.Contains(t, final, "/src/bin/"+program, "%s starts %s", name, program)
	}
}
