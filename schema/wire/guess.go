package wire

import (
	"math"
	"net/url"
	"regexp"
	"strings"

	"github.com/dmwm/wmstats/schema"
)

// guessed is a word that looks like a condition: a key, a comparison and a value.
var guessed = regexp.MustCompile(`^([A-Za-z]+):?(>=|<=|>|<|=|:)(.+)$`)

// GuessTerm returns the condition that a word of q= looks like, such as
// failure>100, failure:>100 or site=T2_US_MIT. The key of a comparison may be
// misspelled or shortened; that of a value may not, as many texts hold a colon.
func (v *Vocabulary) GuessTerm(word string) (Term, bool) {
	m := guessed.FindStringSubmatch(word)
	if m == nil {
		return Term{}, false
	}
	key, sign, value := m[1], m[2], m[3]
	if sign == "=" || sign == ":" {
		f, ok := v.byName[strings.ToLower(key)]
		if !ok {
			return Term{}, false
		}
		return v.oneTerm(f.Param, escape(value, false))
	}
	above := sign[0] == '>'
	if strings.EqualFold(key, "age") {
		return v.oneTerm(map[bool]string{true: "minAge", false: "maxAge"}[above], value)
	}
	f, ok := v.nearNumber(key)
	if !ok {
		return Term{}, false
	}
	if _, aged := parseDuration(value); aged && isTime(f) {
		above = !above // a greater age is an earlier time
		sign += "="
	}
	t, ok := v.oneTerm(map[bool]string{true: "min", false: "max"}[above]+f.Key, value)
	if ok && len(sign) == 1 { // bounds include their ends
		t.Number = Next(f, t.Number, above)
	}
	return t, ok
}

// nearNumber returns the number field whose key or parameter is nearest.
func (v *Vocabulary) nearNumber(key string) (schema.Field, bool) {
	var keys []string
	for _, f := range v.fields {
		if numeric(f) {
			keys = append(keys, f.Key, f.Param)
		}
	}
	near := Near(key, keys, 1)
	if len(near) == 0 {
		return schema.Field{}, false
	}
	f, ok := v.byName[strings.ToLower(near[0])]
	return f, ok
}

// oneTerm returns the term of one parameter, if it is valid.
func (v *Vocabulary) oneTerm(name, value string) (Term, bool) {
	q, err := v.Parse(url.Values{name: {value}})
	if err != nil || len(q.Terms) != 1 {
		return Term{}, false
	}
	return q.Terms[0], true
}

// Next returns the next number above n that a field can have, or below it.
func Next(f schema.Field, n float64, up bool) float64 {
	if f.Type == schema.Int {
		if whole := math.Floor(n) + 1; up && whole > n {
			return whole
		}
		if whole := math.Ceil(n) - 1; !up && whole < n {
			return whole
		}
	}
	if up {
		return math.Nextafter(n, math.Inf(1))
	}
	return math.Nextafter(n, math.Inf(-1))
}
