package web

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestShort(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 7: "7", 999: "999", 1000: "1.0k", 1234: "1.2k", 9949: "9.9k", 9950: "10k", 38400: "38k", 999499: "999k", 999500: "1.0M", 4_100_000: "4.1M", 2_000_000_000: "2.0G",
	} {
		assert.Equal(t, want, Short(n))
	}
}

func TestHeatLevels(t *testing.T) {
	for rate, want := range map[float64]string{-1: "h0", 0: "h0", 0.001: "h1", 1: "h1", 1.1: "h2", 5.1: "h3", 20: "h3", 20.1: "h4", 50.1: "h5", 100: "h5"} {
		assert.Equal(t, want, heatLevel(rate), rate)
	}
}

func TestSparkStaysInItsPlace(t *testing.T) {
	assert.Equal(t, "0,11 100,11", Spark{Counts: []int64{5, 5}}.points())
	assert.Equal(t, "0,11 100,11", Spark{Counts: []int64{0, 0}}.points())
	assert.Equal(t, "0,11.1 100,10.9", Spark{Counts: []int64{3890, 3893}}.points(), "a change below the floor is nearly flat")
	assert.Equal(t, "0,20 50,2 100,20", Spark{Counts: []int64{0, 9, 0}}.points())
	assert.Equal(t, "x: from 0 to 4, lowest 0, highest 9", Spark{Name: "x", Counts: []int64{0, 9, 4}}.text())
}

// The style sheet has a rule for every width of a column.
func TestHeatWidths(t *testing.T) {
	style, err := os.ReadFile("../static/files/app.css")
	require.NoError(t, err)
	for _, width := range heatWidths {
		assert.Contains(t, string(style), fmt.Sprintf(".w%d rect { width: %dpx; }", width, width-heatGap))
	}
	assert.Contains(t, string(style), fmt.Sprintf("svg.heat rect { height: %dpx; }", heatRow-heatGap))
	widest := Heat{Columns: []HeatHead{{Name: strings.Repeat("W", 100)}}}
	assert.LessOrEqual(t, heatLetter*heatLabel+10, float64(widest.columnWidth()), "the longest name that is shown")
	assert.Equal(t, heatWidths[0], Heat{}.columnWidth())
}
