package docscheck

import (
	"bytes"
	"flag"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	cacheapp "github.com/dmwm/wmstats/cacheserver/app"
	mock "github.com/dmwm/wmstats/mock/command"
	"github.com/dmwm/wmstats/scripts/bench"
	"github.com/dmwm/wmstats/scripts/compare"
	"github.com/dmwm/wmstats/scripts/demo"
	"github.com/dmwm/wmstats/scripts/screenshots"
	"github.com/dmwm/wmstats/scripts/storybook"
	uiapp "github.com/dmwm/wmstats/uiserver/app"
)

var (
	optionInHelp   = regexp.MustCompile(`(?m)^  --([a-z][a-z0-9-]*)`)
	optionInDocs   = regexp.MustCompile(`--([a-z][a-z0-9-]*)`)
	variableInHelp = regexp.MustCompile(`\bWMSTATS_[A-Z0-9_]+`)
)

// ofOthers are names in the pages that belong to other programs or to tests.
var ofOthers = map[string]string{
	"compressed": "curl", "from-file": "kubectl", "now": "systemctl", "etag-compare": "curl", "etag-save": "curl", "max-time": "curl", "retry": "curl", "retry-delay": "curl",
	"profile": "docker compose", "build": "docker compose", "jetstream": "nats-server", "store_dir": "nats-server", "http_port": "nats-server", "cluster_name": "nats-server",
	"cluster": "nats-server", "routes": "nats-server", "store": "nats-server", "http": "nats-server",
	"WMSTATS_BENCH_N": "benchmarks of the store", "WMSTATS_DELETIONS": "the test against CouchDB",
}

// helpOf returns the -h texts of the servers, and those of the other programs that
// pages name.
func helpOf(t *testing.T) (servers, others string) {
	t.Helper()
	var out, rest bytes.Buffer
	none := func(string) string { return "" }
	for _, parse := range []func(io.Writer) error{
		func(w io.Writer) error { _, err := cacheapp.ParseOptions([]string{"-h"}, none, w); return err },
		func(w io.Writer) error { _, err := uiapp.ParseOptions([]string{"-h"}, none, w); return err },
	} {
		require.ErrorIs(t, parse(&out), flag.ErrHelp)
	}
	var serve string
	forCompare := compare.Defaults()
	forBench, forDemo, forPictures, forStories := bench.Defaults(), demo.Defaults(), screenshots.Defaults(), storybook.Defaults()
	tables := append(mock.Tables(), forCompare.Settings(), forBench.Settings(&serve), forDemo.Settings(), forPictures.Settings(), forStories.Settings())
	for _, table := range tables {
		table.WriteHelp(&rest)
	}
	return out.String(), rest.String()
}

func namesIn(pattern *regexp.Regexp, text string) (names []string) {
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		names = append(names, m[len(m)-1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// TestNamedOptionsAreThere: each option and variable that a page names exists in a
// program, and docs/ names each option of the servers.
func TestNamedOptionsAreThere(t *testing.T) {
	servers, others := helpOf(t)
	options, variables := namesIn(optionInHelp, servers+others), namesIn(variableInHelp, servers+others)
	require.Greater(t, len(options), 60)
	require.Greater(t, len(variables), 60)
	var inDocs strings.Builder
	for _, page := range append(pagesOf(t), root+"docker-compose.yml") {
		if page == root+"CHANGELOG.md" { // it has removed names too
			continue
		}
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		if strings.Contains(page, "/docs/") {
			inDocs.Write(text)
		}
		for _, name := range namesIn(optionInDocs, string(text)) {
			assert.True(t, slices.Contains(options, name) || ofOthers[name] != "", "%s names --%s", page, name)
		}
		for _, name := range namesIn(variableInHelp, string(text)) {
			known := slices.Contains(variables, name) || ofOthers[name] != "" || name == "WMSTATS_UI_" // their prefix
			assert.True(t, known, "%s names %s", page, name)
		}
	}
	for _, name := range namesIn(optionInHelp, servers) {
		assert.True(t, regexp.MustCompile("[ `(]--?"+name+"[^a-z-]").MatchString(inDocs.String()), "no page of docs/ names --%s", name)
	}
}
