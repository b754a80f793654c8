package compose

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	cacheapp "github.com/dmwm/wmstats/cacheserver/app"
	uiapp "github.com/dmwm/wmstats/uiserver/app"
)

const root = "../.."

func load(t *testing.T, env ...string) *types.Project {
	t.Helper()
	return loadProfiles(t, nil, env...)
}

func loadProfiles(t *testing.T, profiles []string, env ...string) *types.Project {
	t.Helper()
	opts, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")},
		cli.WithWorkingDirectory(root), cli.WithProfiles(profiles), cli.WithEnv(append([]string{"COUCH_PASSWORD=of-the-test"}, env...)))
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

// TestOrder checks the start order: data are loaded after the database is
// healthy, the cache server starts after the data, the dashboard after the
// cache server.
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

// TestPortsOnLoopback: no container authenticates its clients, so none may be
// reachable from another machine.
func TestPortsOnLoopback(t *testing.T) {
	for name, s := range loadProfiles(t, []string{"ha"}).Services {
		for _, port := range s.Ports {
			assert.Equal(t, "127.0.0.1", port.HostIP, "%s port %s", name, port.Published)
		}
	}
}

func TestOwnServicesAreConfined(t *testing.T) {
	p := loadProfiles(t, []string{"ha"})
	for _, name := range []string{"cacheserver", "uiserver", "cache1", "cache2", "cache3", "ui1", "ui2"} {
		s := service(t, p, name)
		assert.True(t, s.ReadOnly, "%s has a read-only root", name)
		assert.Equal(t, []string{"ALL"}, s.CapDrop, name)
		assert.Contains(t, s.SecurityOpt, "no-new-privileges:true", name)
	}
}

// TestReplicas: the profile ha has three engines, three cache servers with a log on
// them, and a balancer that knows all servers by their addresses.
func TestReplicas(t *testing.T) {
	p := loadProfiles(t, []string{"ha"})
	names := p.ServiceNames()
	slices.Sort(names)
	assert.Equal(t, []string{"balancer", "cache1", "cache2", "cache3", "cacheserver", "couchdb", "engine1", "engine2", "engine3", "mock-load", "ui1", "ui2", "uiserver"}, names)

	none := func(string) string { return "" }
	balancer := service(t, p, "balancer")
	require.Len(t, balancer.Volumes, 1)
	text, err := os.ReadFile(balancer.Volumes[0].Source)
	require.NoError(t, err)
	var want, servers []string
	for _, name := range []string{"cache1", "cache2", "cache3"} {
		s := service(t, p, name)
		o, err := cacheapp.ParseOptions(s.Command, none, io.Discard)
		require.NoError(t, err, name)
		assert.Equal(t, []string{"nats://engine1:4222", "nats://engine2:4222", "nats://engine3:4222"}, o.Replicas.Log)
		assert.Equal(t, 3, o.Replicas.Copies)
		assert.Equal(t, types.StringList{"/tmp"}, s.Tmpfs, "for snapshots: the root is read-only")
		want = append(want, s.Networks["ha"].Ipv4Address+":8081")
	}
	for _, name := range []string{"ui1", "ui2"} {
		s := service(t, p, name)
		o, err := uiapp.ParseOptions(s.Command, none, io.Discard)
		require.NoError(t, err, name)
		assert.Equal(t, "http://balancer:8082", o.CacheURL)
		want = append(want, s.Networks["ha"].Ipv4Address+":8080")
	}
	for _, m := range regexp.MustCompile(`(?m)^  server \S+ (\S+)$`).FindAllStringSubmatch(string(text), -1) {
		servers = append(servers, m[1])
	}
	assert.ElementsMatch(t, want, servers)

	stores := map[string]bool{}
	for _, name := range []string{"engine1", "engine2", "engine3"} {
		s := service(t, p, name)
		assert.Contains(t, s.Command, "--name="+name, "engines of one name refuse each other")
		require.Len(t, s.Volumes, 1)
		stores[s.Volumes[0].Source] = true
	}
	assert.Len(t, stores, 3, "each engine has a volume of its own")
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
			assert.True(t, strings.HasSuffix(v.Target, ".ini"), "a file, not the folder: %s", v.Target)
			ini = v.Source
		}
	}
	text, err := os.ReadFile(ini)
	require.NoError(t, err)
	assert.Contains(t, string(text), "single_node = true")
}

// password runs the script that `make up` runs.
func password(t *testing.T, file string, env ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "password.sh")
	cmd.Env = append(append(os.Environ(), "COUCH_PASSWORD=", "COUCH_PASSWORD_FILE="+file), env...)
	out, err := cmd.Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// TestPassword: the repository contains no password. The first `make up`
// generates it; from then on the servers' secret is the database's password.
func TestPassword(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "couch-password")
	made := password(t, file)
	assert.Len(t, made, 48)
	assert.Equal(t, made, password(t, file), "the second run prints the same password")
	assert.NotEqual(t, made, password(t, filepath.Join(t.TempDir(), "other")), "another folder has another password")
	folder, err := os.Stat(filepath.Dir(file))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), folder.Mode().Perm(), "only the owner can enter the folder")
	assert.Equal(t, "mine", password(t, file, "COUCH_PASSWORD=mine"), "COUCH_PASSWORD overrides it")

	p := load(t, "COUCH_PASSWORD=mine", "COUCH_PASSWORD_FILE="+file)
	text, err := os.ReadFile(p.Secrets["couch-password"].File)
	require.NoError(t, err)
	want := service(t, p, "couchdb").Environment["COUCHDB_PASSWORD"]
	require.NotNil(t, want)
	assert.Equal(t, *want, strings.TrimSpace(string(text)))

	opts, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")}, cli.WithWorkingDirectory(root))
	require.NoError(t, err)
	_, err = opts.LoadProject(t.Context())
	assert.ErrorContains(t, err, "make up", "without a password nothing starts")
}
