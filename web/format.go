package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// thin separates groups of three digits: a narrow no-break space.
const thin = "\u202f"

// Text is the content of a cell, with an explanation in the title where needed.
type Text struct {
	Shown string
	Title string
	NA    bool // undefined; Title has the reason
}

// NA is an undefined figure, shown as n/a.
func NA(reason string) Text { return Text{Shown: "n/a", Title: reason, NA: true} }

// Int formats a count with all its digits, in groups of three.
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

// digits formats a number that is a name, such as an exit code.
func digits(n int64) string { return strconv.FormatInt(n, 10) }

// Count formats a count; -1 stands for absent, for the given reason.
func Count(n int64, reason string) Text {
	if n < 0 {
		return NA(reason)
	}
	return Text{Shown: Int(n)}
}

// notReported is the reason for a missing figure of an agent.
const notReported = "not reported by the agent"

// noSlots is the reason for a missing figure of a site.
const noSlots = "not reported by any live agent"

// Reasons for missing figures of a group of workflows.
const (
	noStatusTime = "no workflow has a status time"
	notSet       = "not set for any workflow"
)

// amount is Count for fractional numbers.
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

// positive formats a number that is 0 or absent in documents whose request does
// not set it.
func positive(n int64, unit string) Text {
	if n <= 0 {
		return NA("not set in the request")
	}
	return Text{Shown: Int(n) + unit}
}

// Float formats a plain number with at most two decimals, large ones with none.
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

// overNote explains figures above 100 %.
const overNote = "above 100 %: lumis counted twice, or more produced than requested"

// Percent formats a percentage. Below 0 it is undefined, for the given reason;
// above 100 it is shown as it is, with a note.
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

// percentDigits keeps one decimal. It never rounds an incomplete share to 100, nor
// a positive one to 0.
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

// Bytes formats a size in decimal units with three digits.
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

// Duration formats seconds with their two largest units: 45 s, 12 min, 3 h 5 min,
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

// Seconds formats a time that may be short: 3 ms, 0.42 s, 12 s, then like Duration.
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

// roughly formats an estimate: seconds in their largest unit only.
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

// Age is the time from then to now, both Unix seconds: "3 h 5 min". Times in
// records are in the past; one in the future comes from a wrong clock, and its age
// is 0.
func Age(now, then int64) string { return Duration(now - then) }

// Ago is Age as a phrase: "3 h 5 min ago".
func Ago(now, then int64) string { return Age(now, then) + " ago" }

// UTC formats a Unix time for people; Stamp does so for programs.
func UTC(unix int64) string   { return time.Unix(unix, 0).UTC().Format("2006-01-02 15:04:05 UTC") }
func Stamp(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.RFC3339) }

// Plural formats a count with its noun: "1 workflow", "20 113 workflows".
func Plural(n int64, one, many string) string {
	if n == 1 {
		return Int(n) + " " + one
	}
	return Int(n) + " " + many
}

// listMark is the punctuation after item i of n in a list in a sentence: a comma, or
// end after the last item.
func listMark(i, n int, end string) string {
	if i < n-1 {
		return ", "
	}
	return end
}

// yesNo formats a flag.
func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// none is shown for an empty text.
const none = "(none)"

func orNone(text string) string {
	if text == "" {
		return none
	}
	return text
}

// between formats a range, or one value when both ends are the same.
func between(least, most int64) string {
	switch {
	case most < 0:
		return "unknown"
	case least == most:
		return Int(least)
	}
	return Int(least) + " – " + Int(most)
}
