//go:build !race

package simulate

// seedsHere is the number of seeds in a run of all tests.
const seedsHere = 100
