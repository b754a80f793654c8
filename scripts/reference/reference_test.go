package reference

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the pages of docs/reference again")

// TestPagesAreCurrent: the pages match the code.
func TestPagesAreCurrent(t *testing.T) {
	pages, err := Pages()
	require.NoError(t, err)
	for _, page := range pages {
		path := filepath.Join("../../docs/reference", page.File)
		if *update {
			require.NoError(t, os.WriteFile(path, page.Text, 0o644)) //nolint:gosec // a page for everybody
		}
		now, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, string(page.Text), string(now), "docs/reference/%s is stale: run make generate", page.File)
	}
}

// Generating the pages twice yields the same pages.
func TestPagesAreStable(t *testing.T) {
	once, err := Pages()
	require.NoError(t, err)
	again, err := Pages()
	require.NoError(t, err)
	assert.Equal(t, once, again)
}

// TestEveryOptionIsDescribed: each option of each program has a meaning and, if
// it takes a value, a name for it that says more than "value"; numbers have
// units as people write them.
func TestEveryOptionIsDescribed(t *testing.T) {
	seconds := regexp.MustCompile(`\d(h0m|m)0s`)
	for _, table := range Tables() {
		about, _ := table.About()
		assert.NotEmpty(t, about, table.Program())
		for _, r := range table.Rows() {
			at := table.Program() + " " + r.Flag
			assert.NotEmpty(t, r.Help, at)
			assert.NotContains(t, []string{"VALUE", "value"}, r.Placeholder, at)
			assert.Equal(t, strings.ToUpper(r.Placeholder), r.Placeholder, at)
			assert.False(t, seconds.MatchString(r.Default), "%s: default %s", at, r.Default)
			assert.NotContains(t, r.Help, "`", at)
		}
	}
}

// Each kind of problem has a meaning and an advice.
func TestEveryProblemIsDescribed(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(string(Problems())), "\n")
	for _, line := range lines[len(lines)-10:] {
		assert.NotContains(t, line, "|  |", line)
	}
}
