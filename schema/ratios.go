package schema

import "math"

// Percent returns 100 x part / whole with two decimals, or -1 when that is not
// defined: no positive whole, a negative part, or not a number. A part below
// the whole is never rounded up to 100, and a part above 0 never down to 0.
func Percent(part, whole float64) float64 {
	if !(whole > 0) || !(part >= 0) || math.IsInf(whole, 1) {
		return -1
	}
	x := part / whole * 100
	if math.IsInf(x, 1) {
		return -1
	}
	r := hundredths(x)
	switch {
	case r >= 100 && part < whole:
		return 99.99
	case r == 0 && part > 0:
		return 0.01
	}
	return r
}

// Hundredths rounds a value of a record to two decimals, as averages and shares
// have them. It is the last step: nothing is computed from rounded values.
func Hundredths(x float64) float64 { return hundredths(x) }

// hundredths rounds to two decimals. Numbers too large to have two decimals in
// 64 bits are returned unchanged.
func hundredths(x float64) float64 {
	if math.Abs(x) > 1<<46 {
		return x
	}
	return math.Round(x*100) / 100
}

// average returns sum / n in hundredths, or -1 if n is not positive.
func average(sum, n int64) float64 {
	if n <= 0 {
		return -1
	}
	return hundredths(float64(sum) / float64(n))
}

// AddUp adds amounts of events, lumis and bytes, which may have up to 64 bits
// in a document. On overflow it stays at the largest number instead of turning
// negative.
func AddUp(a, b int64) int64 {
	sum := a + b
	if a > 0 && b > 0 && sum < 0 {
		return math.MaxInt64
	}
	if a < 0 && b < 0 && sum >= 0 {
		return math.MinInt64
	}
	return sum
}

// AddKnown adds amounts of which -1 means unknown: it returns the sum of the
// known ones.
func AddKnown(a, b int64) int64 {
	switch {
	case a < 0:
		return b
	case b < 0:
		return a
	}
	return AddUp(a, b)
}

// AddKnownFloat is AddKnown for numbers with a fraction.
func AddKnownFloat(a, b float64) float64 {
	switch {
	case a < 0:
		return b
	case b < 0:
		return a
	}
	return AddFloat(a, b)
}

// AddFloat adds amounts of any size. On overflow it stays at the largest number
// instead of becoming infinite.
func AddFloat(a, b float64) float64 {
	return min(max(a+b, -math.MaxFloat64), math.MaxFloat64)
}
