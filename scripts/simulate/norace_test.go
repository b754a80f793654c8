//go:build !race

package simulate

// seedsHere is how many seeds a run of all tests has.
const seedsHere = 100
