//go:build race

package simulate

// seedsHere is the number of seeds in a run of all tests: the race detector
// makes each seed about eight times as expensive.
const seedsHere = 25
