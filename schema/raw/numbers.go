package raw

import (
	"bytes"
	"math"
	"strconv"

	"github.com/dmwm/wmstats/schema/jsonscan"
)

// integer reads the next value as a whole number: digits in quotes are
// accepted, a fraction is cut off, and a list yields its only element.
func (d *decoder) integer(path string, missing int64) int64 {
	if n, ok := d.scan.Int(); ok {
		return n
	}
	const want = "a whole number of 64 bits"
	raw, found := d.number(path, want)
	if !found {
		return missing
	}
	n, ok := parseInt(raw)
	if !ok {
		d.flaw(path, raw, want)
		return missing
	}
	return n
}

// parseInt reads a number and cuts off its fraction.
func parseInt(raw []byte) (n int64, ok bool) {
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
		return n, true
	}
	f, ok := parseFloat(raw)
	if !ok || math.Abs(f) >= math.MaxInt64 {
		return 0, false
	}
	return int64(f), true
}

// float reads the next value as a number, in the same forms; "91%" is 91. A
// missing value, or one that is not a number, is 0.
func (d *decoder) float(path string) float64 { return d.floatOr(path, 0) }

// knownFloat reads a number that the source may not know; it is -1 then.
func (d *decoder) knownFloat(path string) float64 {
	f := d.floatOr(path, -1)
	if f < 0 && f != -1 {
		d.flaw(path, strconv.AppendFloat(nil, f, 'g', -1, 64), "no negative number")
		return -1
	}
	return f
}

func (d *decoder) floatOr(path string, missing float64) float64 {
	start := d.scan.Offset()
	if n, ok := d.scan.Int(); ok && n != 0 {
		return float64(n)
	}
	d.scan.Rewind(start) // -0 is not 0
	const want = "a number"
	raw, found := d.number(path, want)
	if !found {
		return missing
	}
	f, ok := parseFloat(raw)
	if !ok {
		d.flaw(path, raw, want)
		return missing
	}
	return f
}

// parseFloat reads a number as JSON writes it: no "NaN", "inf" or "0x10".
func parseFloat(raw []byte) (f float64, ok bool) {
	if jsonscan.NumberEnd(raw, 0) != len(raw) {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	return f, err == nil
}

// number reads the next value and returns the text of the number in it.
func (d *decoder) number(path, want string) (raw []byte, found bool) {
	switch d.scan.Kind() {
	case jsonscan.Number:
		return d.scan.Number(), true
	case jsonscan.String:
		raw = bytes.TrimSpace(d.scan.Text())
		raw = bytes.TrimSpace(bytes.TrimSuffix(raw, []byte("%")))
		raw = bytes.TrimPrefix(raw, []byte("+"))
		return raw, len(raw) > 0
	case jsonscan.Null:
		d.scan.Literal()
	case jsonscan.Array:
		whole := d.scan.Raw()
		list, bad := textsOf(whole)
		if bad || len(list) > 1 {
			d.flaw(path, whole, want)
			return nil, false
		}
		if len(list) == 1 {
			return []byte(list[0]), true
		}
	default:
		d.wrong(path, want)
	}
	return nil, false
}

// count reads a number of things. A negative number is kept and noted as a
// flaw; one so large that a sum could overflow is a flaw.
func (d *decoder) count(path string) int64 {
	n := d.integer(path, 0)
	if n >= 0 && n <= maxCount {
		return n
	}
	if n >= -maxCount && n < 0 {
		d.flaw(path, strconv.AppendInt(nil, n, 10), "no negative number; it is kept")
		return n
	}
	d.flaw(path, strconv.AppendInt(nil, n, 10), "a number of jobs up to 1e15")
	return 0
}

// maxCount keeps sums of job counts over thousands of documents in 64 bits.
const maxCount = 1_000_000_000_000_000

// known reads a number that the source may not know yet: -1 then.
func (d *decoder) known(path string) int64 {
	n := d.integer(path, -1)
	if n < -1 {
		d.flaw(path, strconv.AppendInt(nil, n, 10), "no negative number")
	}
	return max(n, -1)
}

// first is known for a field that may be a list: its first element.
func (d *decoder) first(path string) int64 {
	if d.scan.Kind() != jsonscan.Array {
		return d.known(path)
	}
	raw := d.scan.Raw()
	list, bad := textsOf(raw)
	if bad {
		d.flaw(path, raw, "numbers; the first is kept")
	}
	if len(list) == 0 {
		return -1
	}
	n, ok := parseInt([]byte(list[0]))
	if !ok || n < -1 {
		d.flaw(path, raw, "a number first")
		return -1
	}
	return n
}

// largest reads a number that may be given by task, and returns the largest of
// them; -1 if there is none.
func (d *decoder) largest(path string) float64 {
	if d.scan.Kind() != jsonscan.Object {
		return d.knownFloat(path)
	}
	most := -1.0
	d.each(path, func(key string) { most = max(most, d.knownFloat(key)) })
	return most
}

func (d *decoder) largestInt(path string) int64 {
	return int64(min(d.largest(path), maxCount))
}

// Times above these are not in seconds but in milli-, micro- or nanoseconds: as
// seconds they would be after the year 5000, in their own unit they are after
// 1973.
const (
	fromMillis = 100_000_000_000
	fromMicros = 1000 * fromMillis
	fromNanos  = 1000 * fromMicros
)

// time reads a time in Unix seconds; 0 is unknown. It reads all times of all
// documents. A time in a smaller unit is a flaw and is converted to seconds; a
// negative time is a flaw and unknown.
func (d *decoder) time(path string) int64 {
	n := d.integer(path, 0)
	var divisor int64
	switch {
	case n < 0:
		d.flaw(path, strconv.AppendInt(nil, n, 10), "a time after 1970")
		return 0
	case n < fromMillis:
		return n
	case n < fromMicros:
		divisor = 1000
	case n < fromNanos:
		divisor = 1_000_000
	default:
		divisor = 1_000_000_000
	}
	d.flaw(path, strconv.AppendInt(nil, n, 10), "a time in seconds; it is read in the unit of its size")
	return n / divisor
}

// amount reads a number of events, lumis or bytes of any size that 64 bits
// hold. A negative one is kept and noted.
func (d *decoder) amount(path string) int64 {
	n := d.integer(path, 0)
	if n < 0 {
		d.flaw(path, strconv.AppendInt(nil, n, 10), "no negative number; it is kept")
	}
	return n
}
