package schemadoc

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/schema"
)

var update = flag.Bool("update", false, "rewrite docs/reference/schema.md")

func TestPageIsCurrent(t *testing.T) {
	const page = "../../../docs/reference/schema.md"
	want := Render(schema.Kinds(), schema.Statuses())
	if *update {
		require.NoError(t, os.WriteFile(page, want, 0o644))
	}
	got, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "docs/reference/schema.md is stale: run go generate ./schema")
}

func TestPageSaysWhatTheTagsSay(t *testing.T) {
	page := string(Render(schema.Kinds(), schema.Statuses()))
	assert.Contains(t, page, "| `JobProgress` | float | % | share of created jobs that ended; -1 without jobs | 100 x (Success + Failure) / TotalJobs | `jobprogress` |")
	assert.Contains(t, page, "| `Sites` | []string |  | sites that have its jobs | keys of sites | `site` |")
	assert.Contains(t, page, "| 7 | running-open | RunningWorkflows | yes | yes |")
}
