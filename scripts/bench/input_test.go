package bench

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestLongestOf: a report counts for the input at whose time it began, in any order.
func TestLongestOf(t *testing.T) {
	assert.Equal(t, []float64{40, 0, 900}, longestOf([]float64{10, 20, 30}, [][2]float64{{35, 900}, {5, 1000}, {12, 24}, {30, 16}, {19, 40}}))
}
