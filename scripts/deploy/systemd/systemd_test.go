package systemd

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	cacheapp "github.com/dmwm/wmstats/cacheserver/app"
	"github.com/dmwm/wmstats/program"
	"github.com/dmwm/wmstats/program/settings"
	uiapp "github.com/dmwm/wmstats/uiserver/app"
)

const folder = "../../../deploy/systemd/"

// server is what the test needs of a program.
type server struct {
	name  string
	table *settings.Table
	parse func(getenv func(string) string) (program.Options, error)
}

func servers() []server {
	cache, ui := cacheapp.Defaults(), uiapp.Defaults()
	return []server{
		{"cacheserver", cache.Settings(), func(getenv func(string) string) (program.Options, error) {
			o, err := cacheapp.ParseOptions(nil, getenv, io.Discard)
			return o.Options, err
		}},
		{"uiserver", ui.Settings(), func(getenv func(string) string) (program.Options, error) {
			o, err := uiapp.ParseOptions(nil, getenv, io.Discard)
			return o.Options, err
		}},
	}
}

// lines returns the KEY=VALUE lines of a file.
func lines(t *testing.T, path string) (list [][2]string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(key, "#") {
			list = append(list, [2]string{key, value})
		}
	}
	require.NotEmpty(t, list, path)
	return list
}

func valuesOf(unit [][2]string, key string) (values []string) {
	for _, line := range unit {
		if line[0] == key {
			values = append(values, line[1])
		}
	}
	return values
}

// TestOptionsOfUnits: each variable of a unit and of its file of options is one of
// the program, their values are valid together, and files of secrets are credentials
// of the unit.
func TestOptionsOfUnits(t *testing.T) {
	for _, s := range servers() {
		t.Run(s.name, func(t *testing.T) {
			unit := lines(t, folder+"wmstats-"+s.name+".service")
			credentials := "/run/credentials/wmstats-" + s.name + ".service"
			env := map[string]string{}
			for _, e := range valuesOf(unit, "Environment") {
				name, value, _ := strings.Cut(e, "=")
				env[name] = strings.NewReplacer("%d", credentials, "%S", "/var/lib").Replace(value)
			}
			for _, line := range lines(t, folder+s.name+".env") {
				env[line[0]] = line[1]
			}
			var known []string
			for _, r := range s.table.Rows() {
				known = append(known, r.Variables...)
			}
			for name, value := range env {
				assert.Contains(t, known, name)
				if strings.HasPrefix(value, credentials) {
					named := func(c string) bool { return strings.HasPrefix(c, filepath.Base(value)+":/etc/wmstats/") }
					assert.True(t, slices.ContainsFunc(valuesOf(unit, "LoadCredential"), named), "%s=%s is no credential", name, value)
				}
				if strings.HasPrefix(value, "/var/lib/") {
					assert.Equal(t, valuesOf(unit, "StateDirectory"), []string{strings.Split(value, "/")[3]}, name)
				}
			}
			assert.Equal(t, []string{"/etc/wmstats/" + s.name + ".env"}, valuesOf(unit, "EnvironmentFile"))
			assert.Equal(t, []string{"/usr/local/bin/" + s.name}, valuesOf(unit, "ExecStart"))

			o, err := s.parse(func(name string) string { return env[name] })
			require.NoError(t, err)
			stop, err := time.ParseDuration(valuesOf(unit, "TimeoutStopSec")[0])
			require.NoError(t, err)
			assert.Greater(t, stop, o.Drain+o.DrainDelay, "systemd would kill a server that drains")
		})
	}
}

// analyze runs systemd-analyze on a unit whose program exists.
func analyze(t *testing.T, s server, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed (Debian: systemd)")
	}
	unit := "wmstats-" + s.name + ".service"
	text, err := os.ReadFile(folder + unit)
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.Symlink("/bin/true", filepath.Join(dir, s.name)))
	file := filepath.Join(dir, unit)
	require.NoError(t, os.WriteFile(file, []byte(strings.ReplaceAll(string(text), "/usr/local/bin/", dir+"/")), 0o600))
	out, err := exec.CommandContext(t.Context(), path, append(args, file)...).CombinedOutput()
	require.NoError(t, err, string(out))
	return string(out)
}

func TestVerify(t *testing.T) {
	for _, s := range servers() {
		for line := range strings.Lines(analyze(t, s, "verify", "--man=no")) {
			// Units of the machine that the test runs on may have errors of their own.
			assert.NotContains(t, line, "wmstats-"+s.name)
		}
	}
}

var exposure = regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)

// TestSecurity: below 2 of 10, where a service without restrictions has 9.6.
func TestSecurity(t *testing.T) {
	for _, s := range servers() {
		m := exposure.FindStringSubmatch(analyze(t, s, "security", "--offline=true", "--no-pager"))
		require.NotNil(t, m)
		level, err := strconv.ParseFloat(m[1], 64)
		require.NoError(t, err)
		assert.Less(t, level, 2.0, s.name)
	}
}
