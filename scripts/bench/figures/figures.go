// Package figures prints the results of benchmarks: a line for each figure with
// its name, value, unit and, in brackets, the target.
package figures

import (
	"fmt"
	"io"
	"slices"
	"strconv"
)

// Line prints one figure. bar is the target; empty for figures that explain.
func Line(w io.Writer, name string, value float64, unit, bar string) {
	if bar != "" {
		bar = " (" + bar + ")"
	}
	fmt.Fprintf(w, "%-60s %12s %s%s\n", name, strconv.FormatFloat(value, 'f', decimals(value), 64), unit, bar)
}

func decimals(v float64) int {
	switch {
	case v >= 1000:
		return 0
	case v >= 10:
		return 1
	}
	return 3
}

// Median returns the middle of the values; 0 without any.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}
