//go:build race

package simulate

// seedsHere is how many seeds a run of all tests has: the race detector makes
// each some eight times as dear.
const seedsHere = 25
