package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// thin separates groups of three digits: a narrow space that does not break.
const thin = "\u202f"

// Text is what a cell shows, with the reason in the title where it needs one.
type Text struct {
	Shown string
	Title string
	NA    bool // not defined: Title says why
}

// NA is a figure that is not defined.
func NA(reason string) Text { return Text{Shown: "n/a", Title: reason, NA: true} }

// Int writes a count with thin separators, all digits kept.
func Int(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "\u2212", digits[1:]
	}
	if len(digits) <= 4 {
		return sign + digits
	}
	var b strings.Builder
	b.WriteString(sign)
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(thin)
		}
		b.WriteRune(d)
	}
	return b.String()
}

// digits writes a code: a number that is a name, not a count.
func digits(n int64) string { return strconv.FormatInt(n, 10) }

// Count writes a count of the source, where -1 stands for absent.
func Count(n int64, reason string) Text {
	if n < 0 {
		return NA(reason)
	}
	return Text{Shown: Int(n)}
}

// notSaid is why a figure of an agent is not known.
const notSaid = "the agent does not say"

// noSlots is why a figure of a site is not known.
const noSlots = "no agent that is alive says"

// amount is Count for numbers with a fraction.
func amount(f float64, reason string) Text {
	if f < 0 {
		return NA(reason)
	}
	return Text{Shown: Float(f)}
}

// code is Count for a number that is a name.
func code(n int64, reason string) Text {
	if n < 0 {
		return NA(reason)
	}
	return Text{Shown: digits(n)}
}

// positive writes a number that the source leaves out, or sets to 0, where the
// request has no wish of its own.
func positive(n int64, unit string) Text {
	if n <= 0 {
		return NA("the request does not say")
	}
	return Text{Shown: Int(n) + unit}
}

// Float writes a plain number with at most two decimals, large ones with none.
func Float(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "n/a"
	}
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return Int(int64(f))
	}
	if math.Abs(f) >= 1000 && math.Abs(f) < 1e15 {
		return Int(int64(math.Round(f)))
	}
	return strconv.FormatFloat(f, 'f', 2, 64)
}

// overNote is the known cause of figures above 100 %.
const overNote = "above 100 %: lumis counted twice, or more made than asked for"

// Percent writes a share; below 0 it is not defined, for the given reason.
// Above 100 it is shown as it is, with a note.
func Percent(p float64, reason string) Text {
	if p < 0 || math.IsNaN(p) || math.IsInf(p, 0) {
		return NA(reason)
	}
	t := Text{Shown: percentDigits(p) + thin + "%"}
	if p > 100 {
		t.Title = overNote
	}
	return t
}

// percentDigits keeps one decimal between the ends, and never rounds a share
// that is not complete to 100 or one that is not nothing to 0.
func percentDigits(p float64) string {
	switch {
	case p == 0 || p == 100:
		return strconv.Itoa(int(p))
	case p < 0.1:
		return "<0.1"
	case p > 99.9 && p < 100:
		return ">99.9"
	case p >= 1000:
		return Int(int64(math.Round(min(p, 1e15))))
	}
	return strconv.FormatFloat(p, 'f', 1, 64)
}

// Bytes writes a size in decimal units with three digits.
func Bytes(n int64) string {
	if n < 1000 && n > -1000 {
		return strconv.FormatInt(n, 10) + thin + "B"
	}
	f := float64(n)
	for _, unit := range []string{"kB", "MB", "GB", "TB", "PB", "EB"} {
		f /= 1000
		if math.Abs(f) < 999.5 {
			decimals := 0
			switch {
			case math.Abs(f) < 9.995:
				decimals = 2
			case math.Abs(f) < 99.95:
				decimals = 1
			}
			return strconv.FormatFloat(f, 'f', decimals, 64) + thin + unit
		}
	}
	return strconv.FormatFloat(f, 'f', 0, 64) + thin + "EB"
}

// Duration writes seconds with its two largest units: 45 s, 12 min, 3 h 5 min,
// 4 d 2 h, 200 d. app.js has the same rule for pages that stay open.
func Duration(seconds int64) string {
	const minute, hour, day = 60, 3600, 86400
	s := max(seconds, 0)
	switch {
	case s < minute:
		return fmt.Sprintf("%d s", s)
	case s < hour:
		return fmt.Sprintf("%d min", s/minute)
	case s < day:
		return two(s/hour, "h", s%hour/minute, "min")
	case s < 10*day:
		return two(s/day, "d", s%day/hour, "h")
	}
	return Int(s/day) + " d"
}

// Seconds writes a time that may be short: 3 ms, 0.42 s, 12 s, then like Duration.
func Seconds(s float64) string {
	switch {
	case math.IsNaN(s) || s < 0:
		return "n/a"
	case s < 0.001:
		return "< 1 ms"
	case s < 0.0995:
		return strconv.FormatFloat(s*1000, 'f', 0, 64) + " ms"
	case s < 9.95:
		return strconv.FormatFloat(s, 'f', 1, 64) + " s"
	}
	return Duration(int64(math.Round(min(s, 1e15))))
}

// roughly writes seconds in their largest unit alone: for an estimate.
func roughly(seconds int64) string {
	const minute, hour, day = 60, 3600, 86400
	switch s := max(seconds, 0); {
	case s < hour:
		return Duration(s)
	case s < day:
		return Int((s+hour/2)/hour) + " h"
	default:
		return Int((s+day/2)/day) + " d"
	}
}

func two(a int64, unitA string, b int64, unitB string) string {
	if b == 0 {
		return fmt.Sprintf("%d %s", a, unitA)
	}
	return fmt.Sprintf("%d %s %d %s", a, unitA, b, unitB)
}

// Age is the time from then to now, both Unix seconds: "3 h 5 min". All times of
// records are times of what has happened: one that lies ahead is of a clock that
// is wrong, and its age is 0.
func Age(now, then int64) string { return Duration(now - then) }

// Ago is Age as a phrase: "3 h 5 min ago".
func Ago(now, then int64) string { return Age(now, then) + " ago" }

// UTC writes a Unix time for people, and Stamp for machines.
func UTC(unix int64) string   { return time.Unix(unix, 0).UTC().Format("2006-01-02 15:04:05 UTC") }
func Stamp(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.RFC3339) }

// Plural writes a count with its noun: "1 workflow", "20 113 workflows".
func Plural(n int64, one, many string) string {
	if n == 1 {
		return Int(n) + " " + one
	}
	return Int(n) + " " + many
}

// yesNo writes a flag.
func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// none stands for a text that the source does not give.
const none = "(none)"

func orNone(text string) string {
	if text == "" {
		return none
	}
	return text
}

// between writes a range; one value when both ends are the same.
func between(least, most int64) string {
	switch {
	case most < 0:
		return "not known"
	case least == most:
		return Int(least)
	}
	return Int(least) + " – " + Int(most)
}
