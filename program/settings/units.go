package settings

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

var units = []struct {
	name   string
	factor int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// ParseBytes parses a size in bytes with an optional unit, such as 256MiB.
func ParseBytes(text string) (int64, error) {
	number, factor := text, int64(1)
	for _, unit := range units {
		if rest, ok := strings.CutSuffix(text, unit.name); ok {
			number, factor = rest, unit.factor
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n > (1<<62)/factor || n < -(1<<62)/factor {
		return 0, errors.New("want bytes, such as 268435456 or 256MiB")
	}
	return n * factor, nil
}

// FormatBytes formats a size for ParseBytes, in the largest unit without a fraction.
func FormatBytes(n int64) string {
	for _, unit := range units {
		if n != 0 && n%unit.factor == 0 {
			return strconv.FormatInt(n/unit.factor, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// FormatDuration formats a duration for time.ParseDuration as people write it: 6h
// instead of 6h0m0s.
func FormatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
