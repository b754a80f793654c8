package docscheck

import (
	"bytes"
	"context"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	cacheapp "github.com/dmwm/wmstats/cacheserver/app"
	uiapp "github.com/dmwm/wmstats/uiserver/app"
)

var (
	optionInHelp   = regexp.MustCompile(`(?m)^  -([a-z][a-z0-9-]*)`)
	optionInDocs   = regexp.MustCompile(`--([a-z][a-z0-9-]*)`)
	variableInHelp = regexp.MustCompile(`\bWMSTATS_[A-Z0-9_]+`)
)

// ofOthers are options of other programs, and variables of tests, that the pages name.
var ofOthers = map[string]string{
	"compressed": "curl", "etag-compare": "curl", "etag-save": "curl", "max-time": "curl",
	"WMSTATS_BENCH_N": "benchmarks of the store", "WMSTATS_DELETIONS": "the test against CouchDB",
}

// helpOf returns what the servers say with -h, and what mock does.
func helpOf(t *testing.T) (servers, mock string) {
	t.Helper()
	var out bytes.Buffer
	none := func(string) string { return "" }
	for _, parse := range []func(io.Writer) error{
		func(w io.Writer) error { _, err := cacheapp.ParseOptions([]string{"-h"}, none, w); return err },
		func(w io.Writer) error { _, err := uiapp.ParseOptions([]string{"-h"}, none, w); return err },
	} {
		require.ErrorIs(t, parse(&out), flag.ErrHelp)
	}
	servers = out.String()
	program := filepath.Join(t.TempDir(), "mock")
	built, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "github.com/dmwm/wmstats/mock/cmd/mock").CombinedOutput()
	require.NoError(t, err, string(built))
	for _, command := range []string{"raw", "flat", "load", "couch"} {
		help, err := exec.CommandContext(context.WithoutCancel(t.Context()), program, "help", command).Output()
		require.NoError(t, err)
		mock += string(help)
	}
	return servers, mock
}

func namesIn(pattern *regexp.Regexp, text string) (names []string) {
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		names = append(names, m[len(m)-1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// TestNamedOptionsAreThere: a page names no option and no variable that no
// program has, and docs/ names each option of the servers.
func TestNamedOptionsAreThere(t *testing.T) {
	servers, mock := helpOf(t)
	options, variables := namesIn(optionInHelp, servers+mock), namesIn(variableInHelp, servers+mock)
	require.Greater(t, len(options), 60)
	require.Greater(t, len(variables), 60)
	var inDocs strings.Builder
	for _, page := range append(pagesOf(t), root+"docker-compose.yml") {
		if page == root+"CHANGELOG.md" { // it tells of what is no more
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
			known := slices.Contains(variables, name) || ofOthers[name] != "" || name == "WMSTATS_UI_" // what they begin with
			assert.True(t, known, "%s names %s", page, name)
		}
	}
	if _, err := os.Stat(root + "docs/reference/options.md"); err != nil {
		return // it names them all, and is not written yet
	}
	for _, name := range namesIn(optionInHelp, servers) {
		assert.True(t, regexp.MustCompile("[ `(]--?"+name+"[^a-z-]").MatchString(inDocs.String()), "no page of docs/ names --%s", name)
	}
}
