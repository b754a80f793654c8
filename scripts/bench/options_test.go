package bench_test

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
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
	o, serve, err := bench.ParseOptions(nil, none, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, bench.Defaults(), o)
	assert.Empty(t, serve)
	env := map[string]string{
		"SECTIONS": "firstread memory", "WORKFLOWS": "500", "CHECKPOINT": "600", "SOAK": "5m", "SOAK_MEMORY": "64MiB", "SCALE": "200000 1000000",
		"API_SIZES": "20000,200000", "DEAR": "20000", "STORE": "2000", "STORETIME": "20x", "BENCH": "Merge", "BENCHTIME": "2s", "SEED": "7",
		"LOG_SIZES": "300 20000",
	}
	want := bench.Defaults()
	want.Sections, want.Workflows, want.Checkpoint, want.Soak.Length, want.Seed = []string{"firstread", "memory"}, 500, 600, 5*time.Minute, 7
	want.Soak.Flags, want.Answers.Sizes, want.DearSizes, want.StoreSizes = []string{"--memory", "64MiB"}, []int{20_000, 200_000}, []int{20_000}, []int{2000}
	want.LogSizes = []int{300, 20_000}
	want.StoreTime, want.Bench, want.BenchTime = "20x", "Merge", "2s"
	o, _, err = bench.ParseOptions(nil, func(name string) string { return env[name] }, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, want, o)
	o, _, err = bench.ParseOptions([]string{"-sections", "ui,latency", "--lean"}, none, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, []string{"ui", "latency"}, o.Sections)
	assert.True(t, o.Repeat)
	_, _, err = bench.ParseOptions([]string{"--workflows", "0", "--scale", "many", "--dear", "10", "--store", " ", "--api-sizes=20000 x", "--log-sizes", "1"}, none, io.Discard)
	for _, part := range []string{`--workflows "0"`, "--scale", "--dear", "--store", "--api-sizes", "--log-sizes"} {
		assert.ErrorContains(t, err, part)
	}
}

// TestDocumentedSections: each section that the pages name exists.
func TestDocumentedSections(t *testing.T) {
	named := regexp.MustCompile(`SECTIONS="?([a-z]+)|-sections ([a-z,]+)`)
	found := 0
	require.NoError(t, filepath.WalkDir("../../docs", func(page string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(page) != ".md" {
			return err
		}
		text, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			for name := range strings.SplitSeq(m[1]+m[2], ",") {
				assert.True(t, slices.Contains(bench.Sections(), name), "%s: %s", page, m[0])
				found++
			}
		}
		return nil
	}))
	assert.Positive(t, found)
}
