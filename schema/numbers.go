package schema

import (
	"bytes"
	"math"
	"strconv"

	"github.com/dmwm/wmstats/schema/internal/jsonscan"
)

// integer reads the next value as a whole number: digits in quotes count, a
// fraction is cut off, a list gives its only element.
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

// float reads the next value as a number, in the same forms; "91%" is 91. What is not
// there, or is no number, is 0.
func (d *decoder) float(path string) float64 {
	start := d.scan.Offset()
	if n, ok := d.scan.Int(); ok && n != 0 {
		return float64(n)
	}
	d.scan.Rewind(start) // -0 is no 0
	const want = "a number"
	raw, found := d.number(path, want)
	if !found {
		return 0
	}
	f, ok := parseFloat(raw)
	if !ok {
		d.flaw(path, raw, want)
		return 0
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

// count reads a number of things: a negative one is kept and noted, one that
// could make a sum overflow is a flaw.
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

// largest reads a number that may be given by task: the largest of them.
func (d *decoder) largest(path string) float64 {
	if d.scan.Kind() != jsonscan.Object {
		return d.float(path)
	}
	most := 0.0
	d.each(path, func(key string) { most = max(most, d.float(key)) })
	return most
}

// time reads a time in Unix seconds; 0 is unknown.
func (d *decoder) time(path string) int64 {
	n := d.integer(path, 0)
	if n < 0 {
		d.flaw(path, strconv.AppendInt(nil, n, 10), "a time after 1970")
	}
	return max(n, 0)
}

func (d *decoder) largestInt(path string) int64 {
	return int64(min(max(d.largest(path), -maxCount), maxCount))
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
