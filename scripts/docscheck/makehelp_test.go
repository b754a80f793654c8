package docscheck

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/scripts/bench"
)

// TestMakeHelp: `make help` lists every target that has a text, without unexpanded
// variables, and names every section of the benchmarks.
func TestMakeHelp(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is not installed")
	}
	command := exec.CommandContext(t.Context(), "make", "--no-print-directory", "help")
	command.Dir = root
	out, err := command.CombinedOutput()
	require.NoError(t, err, string(out))
	help := string(out)
	assert.NotRegexp(t, `\$|@[A-Z]`, help)
	makefile, err := os.ReadFile(root + "Makefile")
	require.NoError(t, err)
	targets := regexp.MustCompile(`(?m)^([a-z-]+):.*## `).FindAllStringSubmatch(string(makefile), -1)
	require.Greater(t, len(targets), 15)
	for _, target := range targets {
		assert.Regexp(t, `(?m)^  `+target[1]+` +\S`, help)
	}
	_, line, _ := strings.Cut(help, "\n  bench ")
	line, _, _ = strings.Cut(line, "\n")
	for _, section := range bench.Sections() {
		assert.Contains(t, strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(` ,;()"=`, r) }), section)
	}
}
