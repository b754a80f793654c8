package main

import (
	"bytes"
	"flag"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUnknownSection(t *testing.T) {
	err := run(t.Context(), []string{"--sections", "firstraed"}, nil, io.Discard, io.Discard)
	assert.ErrorContains(t, err, `section "firstraed": there are firstread, latency,`)
}

// Help is printed for each command, and nothing is started.
func TestHelp(t *testing.T) {
	for want, args := range map[string][]string{
		"--sections SECTIONS": {"-h"}, "bench answers N": {"answers", "-h"}, "bench profiled FILE": {"profiled", "--help"}, "bench ": {"--version"},
	} {
		var out bytes.Buffer
		require.ErrorIs(t, run(t.Context(), args, nil, &out, io.Discard), flag.ErrHelp, args)
		assert.Contains(t, out.String(), want)
	}
	for _, args := range [][]string{{"answers"}, {"answers", "0"}, {"answers", "--nothing"}, {"profiled"}, {"profiled", "--nothing"}, {"nothing"}} {
		assert.Error(t, run(t.Context(), args, nil, io.Discard, io.Discard), args)
	}
}
