package wire

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// maxDuration bounds ages, in seconds: 1000 years.
const maxDuration = 1000 * 366 * 86400

var decimal = regexp.MustCompile(`^-?\d+(\.\d+)?([eE][+-]?\d+)?$`)

// parseNumber reads a decimal number; no hexadecimal, no Inf, no NaN.
func parseNumber(text string) (float64, bool) {
	if !decimal.MatchString(text) {
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	if n == 0 {
		n = 0 // -0 is written as 0
	}
	return n, err == nil
}

func formatNumber(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// parseTime reads RFC 3339 or a date, as Unix seconds.
func parseTime(text string) (float64, bool) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		if t, err = time.Parse(time.DateOnly, text); err != nil {
			return 0, false
		}
	}
	return float64(t.Unix()) + float64(t.Nanosecond())/1e9, true
}

// units of a duration, in seconds; formatDuration uses the first that divides.
var units = []struct {
	name    byte
	seconds float64
	written bool
}{{'w', 7 * 86400, false}, {'d', 86400, true}, {'h', 3600, true}, {'m', 60, true}, {'s', 1, true}}

var durationPart = regexp.MustCompile(`^(\d+(?:\.\d+)?)([wdhms])`)

// parseDuration reads numbers with units, such as 2d12h, as seconds.
func parseDuration(text string) (float64, bool) {
	var sum float64
	for rest := strings.ToLower(text); rest != "" || text == ""; {
		m := durationPart.FindStringSubmatch(rest)
		if m == nil {
			return 0, false
		}
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return 0, false
		}
		for _, u := range units {
			if u.name == m[2][0] {
				sum += n * u.seconds
			}
		}
		rest = rest[len(m[0]):]
	}
	return sum, sum <= maxDuration
}

// formatDuration writes seconds in the largest unit that divides them.
func formatDuration(seconds float64) string {
	for _, u := range units {
		if n := seconds / u.seconds; u.written && seconds != 0 && math.Mod(seconds, u.seconds) == 0 {
			return formatNumber(n) + string(u.name)
		}
	}
	return formatNumber(seconds) + "s"
}
