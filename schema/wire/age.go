package wire

import "slices"

// AgeField groups /stats by how long workflows have been in their status:
// by=age. It is not a key of a record, because it grows without a change of any
// document.
const AgeField = "Age"

// AgeBand is one group of by=age: from From seconds on, up to the next band.
type AgeBand struct {
	Key  string // the least age, as minAge= takes it
	From int64  // s
}

// AgeBands are the bands, from the youngest.
func AgeBands() []AgeBand { return slices.Clone(ageBands[:]) }

const (
	hour = 3600
	day  = 24 * hour
)

var ageBands = [...]AgeBand{
	{"0s", 0}, {"1h", hour}, {"6h", 6 * hour}, {"1d", day}, {"3d", 3 * day}, {"7d", 7 * day}, {"30d", 30 * day},
}

// AgeBandOf returns the band of an age in seconds. An age below 0, from a time
// in the future, is in the first band.
func AgeBandOf(seconds int64) string {
	i := len(ageBands) - 1
	for i > 0 && seconds < ageBands[i].From {
		i--
	}
	return ageBands[i].Key
}
