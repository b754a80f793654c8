package filterbar

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// Format formats the conditions of a query as a line. Order, pages and format of
// the answer are not conditions.
func Format(q wire.Query) string {
	var parts []string
	for i := 0; i < len(q.Terms); i++ {
		if i+1 < len(q.Terms) {
			if both, ok := formatBetween(q.Terms[i], q.Terms[i+1]); ok {
				parts = append(parts, both)
				i++
				continue
			}
		}
		parts = append(parts, Term(q.Terms[i]))
	}
	if len(q.Names) > 0 {
		parts = append(parts, keyName+":"+list(q.Names))
	}
	if q.Text != "" {
		parts = append(parts, text(q.Text))
	}
	return strings.Join(parts, " ")
}

// Term formats one condition.
func Term(t wire.Term) string {
	f := fieldOf(t.Field)
	key := f.Param
	if name, ok := written[f.Key]; ok {
		key = name
	}
	switch t.Op {
	case wire.In:
		return key + ":" + list(t.Values)
	case wire.NotIn:
		return "-" + key + ":" + list(t.Values)
	case wire.Has:
		return keyHas + ":" + f.Param
	case wire.HasNot:
		return "-" + keyHas + ":" + f.Param
	case wire.MinAge, wire.MaxAge:
		if f.Key == statusTime {
			key = keyAge
		}
		return key + ":" + map[wire.Op]string{wire.MinAge: ">", wire.MaxAge: "<"}[t.Op] + age(t)
	}
	if isTime(f) {
		return timeBound(f, key, t)
	}
	return key + ":" + limit(f, t.Number, t.Op == wire.Min)
}

func list(values []string) string {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = quoted(v)
	}
	return strings.Join(parts, ",")
}

// text formats the words of a text, in quotation marks where one would be parsed
// differently without.
func text(t string) string {
	words := wire.Words(t)
	for i, word := range words {
		if strings.HasPrefix(word, "-") || keyed.MatchString(word) || comparison.MatchString(word) {
			words[i] = wire.Quote(word)
		} else {
			words[i] = wire.TextOf(words[i : i+1])
		}
	}
	return strings.Join(words, " ")
}

// age formats a duration as the API does: 2d, 90m.
func age(t wire.Term) string {
	one := wire.Query{Terms: []wire.Term{{Field: statusTime, Op: wire.MinAge, Number: t.Number}}}
	return one.Values().Get("minAge")
}

// timeBound formats a bound of a time as since:, until: or with the field's key.
func timeBound(f schema.Field, key string, t wire.Term) string {
	at := number(t.Number)
	if t.Number == math.Trunc(t.Number) && t.Number >= 0 && t.Number < latest {
		at = time.Unix(int64(t.Number), 0).UTC().Format(time.RFC3339)
		at = strings.TrimSuffix(at, "T00:00:00Z")
	}
	if f.Key == statusTime {
		return map[bool]string{true: keySince, false: keyUntil}[t.Op == wire.Min] + ":" + at
	}
	return key + ":" + map[bool]string{true: ">=", false: "<="}[t.Op == wire.Min] + at
}

// latest is the end of the year 9999, the last that RFC 3339 can express.
const latest = 253402300800

// limit formats a bound with the comparison that has the rounder number: >= 90001
// is written as > 90000.
func limit(f schema.Field, n float64, least bool) string {
	with, without := "<=", "<"
	if least {
		with, without = ">=", ">"
	}
	outside := wire.Next(f, n, !least)
	exact := wire.Next(f, outside, least) == n
	if exact && rounder(f, outside, n) {
		return without + number(outside)
	}
	return with + number(n)
}

// zeros counts the trailing zeros of a number.
func zeros(n float64) int {
	digits := number(n)
	return len(digits) - len(strings.TrimRight(digits, "0"))
}

// rounder reports whether a is the rounder number of the two.
func rounder(f schema.Field, a, b float64) bool {
	if f.Type == schema.Int {
		return a >= 0 && zeros(a) > zeros(b)
	}
	return len(number(a)) < len(number(b))
}

func number(n float64) string {
	if n == 0 {
		return "0" // never -0
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}
