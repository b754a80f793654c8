package main

import (
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dmwm/wmstats/scripts/bench"
)

func TestParse(t *testing.T) {
	none := func(string) string { return "" }
	o, serve, err := parse(nil, none, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, defaults(), o)
	assert.Empty(t, serve)
	env := map[string]string{
		"SECTIONS": "firstread memory", "WORKFLOWS": "500", "CHECKPOINT": "600", "SOAK": "5m", "SOAK_MEMORY": "64MiB", "SCALE": "200000 1000000",
		"API_SIZES": "20000,200000", "DEAR": "20000", "STORE": "2000", "STORETIME": "20x", "BENCH": "Merge", "BENCHTIME": "2s", "SEED": "7",
	}
	want := defaults()
	want.Sections, want.Workflows, want.Checkpoint, want.Soak.Length, want.Seed = []string{"firstread", "memory"}, 500, 600, 5*time.Minute, 7
	want.Soak.Flags, want.Answers.Sizes, want.DearSizes, want.StoreSizes = []string{"--memory", "64MiB"}, []int{20_000, 200_000}, []int{20_000}, []int{2000}
	want.StoreTime, want.Bench, want.BenchTime = "20x", "Merge", "2s"
	o, _, err = parse(nil, func(name string) string { return env[name] }, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, want, o)
	o, _, err = parse([]string{"-sections", "ui,latency", "--lean"}, none, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, []string{"ui", "latency"}, o.Sections)
	assert.True(t, o.Repeat)
	_, _, err = parse([]string{"--workflows", "0", "--scale", "many", "--dear", "10", "--store", " ", "--api-sizes=20000 x"}, none, io.Discard)
	for _, part := range []string{"--workflows 0", "--scale", "--dear", "--store", "--api-sizes"} {
		assert.ErrorContains(t, err, part)
	}
	err = run(t.Context(), []string{"--sections", "firstraed"}, nil, io.Discard, io.Discard)
	assert.ErrorContains(t, err, `section "firstraed": there are firstread, latency,`)
}

// TestDocumentedSections: each section that the pages name is one.
func TestDocumentedSections(t *testing.T) {
	named := regexp.MustCompile(`SECTIONS="?([a-z]+)|-sections ([a-z,]+)`)
	found := 0
	for _, page := range []string{"benchmarks", "operations", "ui"} {
		text, err := os.ReadFile("../../../docs/" + page + ".md")
		require.NoError(t, err)
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			for name := range strings.SplitSeq(m[1]+m[2], ",") {
				assert.True(t, slices.Contains(bench.Sections(), name), "docs/%s.md: %s", page, m[0])
				found++
			}
		}
	}
	assert.Greater(t, found, 10)
}
