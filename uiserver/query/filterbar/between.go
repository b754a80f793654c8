package filterbar

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/dmwm/wmstats/schema"
	"github.com/dmwm/wmstats/schema/wire"
)

// dots stand between the ends of a range; one end may be left out.
const dots = ".."

// isRange reports whether 3..9 is a range; in texts, dots are plain characters.
func isRange(f schema.Field, rest string) bool {
	return numeric(f) && strings.Contains(rest, dots) && !strings.Contains(rest, `"`)
}

// since parses since:A..B. until: is its other end only, so it has no range.
func (p *parser) since(t token, not bool, key, rest string) {
	if key == keyUntil {
		p.mistake(t, "A range of times is written with since:.", keySince+":"+rest)
		return
	}
	p.between(t, not, fieldOf(statusTime), rest, false)
}

// between parses key:3..9, key:3.. and key:..9; aged allows only durations. Both
// ends are included, and a date as the last end is all of that day.
func (p *parser) between(t token, not bool, f schema.Field, rest string, aged bool) {
	first, last, _ := strings.Cut(rest, dots)
	head := t.Raw[:len(t.Raw)-len(rest)]
	if first == "" && last == "" || strings.Contains(last, dots) {
		p.mistake(t, "A range is written "+strings.TrimPrefix(head, "-")+"3..9, or with one end: 3.. or ..9.")
		return
	}
	given := p.ends(strings.HasPrefix(strings.ToLower(strings.TrimPrefix(head, "-")), keySince+":"), f, first, last)
	if aged && !agesOnly(given) {
		p.mistake(t, "An age needs a unit: s, m, h, d or w, such as age:1d..2d.")
		return
	}
	if empty(given) {
		p.mistake(t, "This range is empty: its first end is above its last.", head+last+dots+first)
		return
	}
	p.add(t, not, given, nil)
}

// ends returns the bounds of a range. In since:2d..1d ages are times, earlier ones
// first; elsewhere, as in age:1d..2d, they are lengths.
func (p *parser) ends(times bool, f schema.Field, first, last string) url.Values {
	given := url.Values{}
	last = wholeDay(f, last)
	switch {
	case first == "":
	case times:
		given.Set(keySince, first)
	default:
		p.end(given, f, ">=", first)
	}
	switch {
	case last == "":
	case times:
		given.Set(keyUntil, last)
	default:
		p.end(given, f, "<=", last)
	}
	return given
}

var date = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)

// endOfDay is the last second of a day.
const endOfDay = "T23:59:59Z"

func wholeDay(f schema.Field, last string) string {
	if isTime(f) && date.MatchString(last) {
		return last + endOfDay
	}
	return last
}

// empty reports whether nothing can be between two bounds of a kind.
func empty(given url.Values) bool {
	q, err := wire.ParseQuery(given)
	if err != nil || len(q.Terms) != 2 { // add reports the mistake
		return false
	}
	a, b := q.Terms[0], q.Terms[1]
	return areEnds(a, b) && a.Number > b.Number
}

// areEnds reports whether two terms bound the same field from below and above.
func areEnds(a, b wire.Term) bool {
	return a.Field == b.Field && (a.Op == wire.Min && b.Op == wire.Max || a.Op == wire.MinAge && b.Op == wire.MaxAge)
}

// formatBetween formats two terms as one range if they are its ends.
func formatBetween(a, b wire.Term) (text string, ok bool) {
	if !areEnds(a, b) || a.Number > b.Number {
		return "", false
	}
	key, first := limitOf(Term(a))
	_, last := limitOf(Term(b))
	f := fieldOf(a.Field)
	switch {
	case first == "" || last == "":
		return "", false // the bounds have rounder numbers than the range
	case isTime(f) && strings.HasSuffix(last, endOfDay):
		last = strings.TrimSuffix(last, endOfDay)
	case isTime(f) && date.MatchString(last):
		last += "T00:00:00Z" // only that midnight
	}
	return key + ":" + first + dots + last, true
}

// limitOf splits key:>=3; the limit is "" if it is not included.
func limitOf(term string) (key, limit string) {
	key, limit, _ = strings.Cut(term, ":")
	inclusive := strings.TrimLeft(limit, "<>")
	if rest, ok := strings.CutPrefix(inclusive, "="); ok {
		return key, rest
	}
	if key == keySince || key == keyUntil || key == keyAge || inclusive != limit && duration.MatchString(inclusive) {
		return key, inclusive
	}
	return key, ""
}
